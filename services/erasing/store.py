"""Deletes customers, many at once (CUS-8). The caller has locked them.

Whoever else writes something of a customer locks the customer first, so nothing comes in between; a contact that WeCom
shows meanwhile takes the same lock (services/customers/record.py), and is seen here, or makes a customer of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.erasing.tables import ERASED, ERASED_IF_GONE
from services.sops.ending import hold_steps, withdraw
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId
from shared.withdrawing import withdraw_untold

CUSTOMER = "customer"
"""Kind of subject in the audit."""


SAID = {
    "note": "cast(id as text) from customer_note",
    "task": "cast(id as text) from customer_task",
    "customer_event": "event_id from customer_event",
    "order": "shop || '/' || order_id from customer_order",
}
"""Subjects of the audit that are about one customer, and where their keys are found."""

OF_CUSTOMERS = (
    "select 'contact:' || u.id from unnest(cast(:ids as bigint[])) u(id) union all "
    "select 'stage:' || l.id || ':' || u.id from stage_line l cross join unnest(cast(:ids as bigint[])) u(id) "
    "where l.tenant_id = :tenant_id"
)
"""The reasons of notices of customers' stages and silence."""


def erase(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId], *, now: datetime
) -> dict[CustomerId, bool]:
    """Delete what is ours of these customers; each -> whether they stay as what WeCom shows of them."""
    mirrored = _mirrored(connection, tenant_id, customer_ids)
    records = _with_merged(connection, tenant_id, customer_ids)
    gone = [record for record, stands in records.items() if stands not in mirrored]
    ours = {"tenant_id": tenant_id, "ids": sorted(records)}
    _erase_words(connection, ours)
    _hush(connection, tenant_id, sorted(records), now=now)
    for table in ERASED:
        run(connection, f"delete from {table} where tenant_id = :tenant_id and customer_id = any(:ids)", **ours)  # noqa: S608
    _erase_values(connection, tenant_id, sorted(records), gone, now=now)
    for table in ERASED_IF_GONE:
        run(
            connection,
            f"delete from {table} where tenant_id = :tenant_id and customer_id = any(:ids)",  # noqa: S608 - constants
            tenant_id=tenant_id,
            ids=gone,
        )
    run(
        connection,
        "delete from customer where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=gone,
    )
    return {one: one in mirrored for one in customer_ids}


def _hush(connection: Connection, tenant_id: TenantId, ids: Sequence[int], *, now: datetime) -> None:
    """Nobody is told to greet whom they have just seen deleted: what waits of steps, stages and silence goes out no
    more.
    """
    rows = fetch_all(
        connection,
        "select distinct enrolment_id as id from sop_progress where tenant_id = :tenant_id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    enrolments = [row["id"] for row in rows]
    hold_steps(connection, tenant_id, enrolments)
    withdraw(connection, tenant_id, enrolments, now=now)
    withdraw_untold(connection, tenant_id, OF_CUSTOMERS, ids=list(ids), now=now)


def _erase_words(connection: Connection, ours: Mapping[str, object]) -> None:
    """What the audit holds of notes, tasks, events and orders of theirs, while the rows still say whose these are."""
    for kind, keys in SAID.items():
        run(
            connection,
            "update audit set details = null where tenant_id = :tenant_id and subject_kind = :kind "  # noqa: S608
            f"and details is not null and subject_key = any(array(select {keys} "
            "where tenant_id = :tenant_id and customer_id = any(:ids)))",
            kind=kind,
            **ours,
        )


def _mirrored(connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]) -> set[CustomerId]:
    rows = fetch_all(
        connection,
        "select distinct customer_id as id from external_contact where tenant_id = :tenant_id "
        "and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["id"]) for row in rows}


def _with_merged(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, CustomerId]:
    """The records and those that were merged into them; each -> the one that stands for it."""
    rows = fetch_all(
        connection,
        "select id, merged_into from customer where tenant_id = :tenant_id and merged_into = any(:ids) order by id "
        "for update",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    merged = {CustomerId(row["id"]): CustomerId(row["merged_into"]) for row in rows}
    return {one: one for one in customer_ids} | merged


def _erase_values(
    connection: Connection,
    tenant_id: TenantId,
    records: Sequence[CustomerId],
    gone: Sequence[CustomerId],
    *,
    now: datetime,
) -> None:
    run(
        connection,
        "delete from identity where tenant_id = :tenant_id and customer_id = any(:ids) "
        "and (source <> 'wecom' or customer_id = any(:gone))",
        tenant_id=tenant_id,
        ids=list(records),
        gone=list(gone),
    )
    # Of every record, also of those that go next: it is this that marks their cards.
    run(
        connection,
        "update customer set own = null, updated_at = greatest(updated_at, :now) "
        "where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(records),
        now=now,
    )
    # What a merge moved can hold what it was; without that it cannot be undone.
    run(
        connection,
        "with gone as (delete from customer_merge where tenant_id = :tenant_id "
        "and (into_id = any(:ids) or (merged_id = any(:ids) and undone_at is null)) returning id) "
        "delete from customer_merge_row where tenant_id = :tenant_id and merge_id in (select id from gone)",
        tenant_id=tenant_id,
        ids=list(records),
    )
    # Who changed what and when is kept; what it was is the person's.
    run(
        connection,
        "update audit set details = null where tenant_id = :tenant_id and subject_kind = :kind "
        "and subject_key = any(:keys) and details is not null",
        tenant_id=tenant_id,
        kind=CUSTOMER,
        keys=[str(one) for one in records],
    )
    run(
        connection,
        "update bulk_change_row r set before = null from bulk_change c where c.tenant_id = :tenant_id "
        "and c.forgotten_at is null and r.tenant_id = :tenant_id and r.change_id = c.id and r.customer_id = any(:ids) "
        "and r.before is not null",
        tenant_id=tenant_id,
        ids=list(records),
    )
