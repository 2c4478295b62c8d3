"""Previews a bulk change, asks for it, and turns it: who is meant is frozen in the transaction that asks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.bulk.store import cancel as cancel_job
from services.bulk.store import pause as pause_job
from services.bulk.store import record_job
from services.bulk.store import resume as resume_job
from services.bulk_changes.kinds.registry import KINDS
from services.bulk_changes.model import (
    UNDO,
    BulkRefusedError,
    Change,
    ChangeState,
    CorpTagsWanted,
    Preview,
    Wanted,
)
from services.bulk_changes.plan import check_asked, confirmations
from services.bulk_changes.store import (
    freeze,
    freeze_done,
    load_change,
    record_change,
    record_state,
)
from services.bulk_changes.store import (
    record_job as note_job,
)
from services.customers.choice import Choice
from services.finding.selection import Selection
from services.intents.model import Source
from shared.db.engine import fetch_all, fetch_one
from shared.ids import CustomerId, TenantId
from shared.sync_runs import BULK_CHANGE, open_bulk, pause_bulk, resume_bulk
from shared.tenants import Tenant

SAMPLED = 10


def preview(connection: Connection, tenant: Tenant, chosen: Selection, wanted: Wanted) -> Preview:
    """What would be done to how many, exactly, and to whom it could not be done.

    Raises:
        BulkRefusedError: nobody may ask for it.
    """
    kind = KINDS[wanted.kind]
    wanted = kind.check(connection, tenant, wanted)
    obstacle = kind.obstacle(wanted)
    rows = fetch_all(
        connection,
        f"with chosen as ({chosen.sql}), judged as (select u.id, "  # noqa: S608 - a selection, and our own SQL
        f"{obstacle.sql if obstacle else 'null'} as reason from chosen c "
        "join customer u on u.tenant_id = :tenant_id and u.id = c.customer_id and u.merged_into is null), "
        "numbered as (select *, row_number() over (order by id) as n from judged) "
        "select cast(reason as text) as reason, count(*) as count, "
        "array_agg(id order by id) filter (where n <= :sampled) as ids from numbered group by 1",
        tenant_id=tenant.id,
        sampled=SAMPLED,
        **chosen.parameters,
        **(obstacle.parameters if obstacle else {}),
    )
    count = sum(row["count"] for row in rows)
    return Preview(
        count=count,
        sample=tuple(CustomerId(one) for one in sorted(one for row in rows for one in row["ids"] or ())),
        hindered={row["reason"]: row["count"] for row in rows if row["reason"] is not None},
        confirmations=confirmations(wanted.kind, count),
    )


def ask(
    connection: Connection,
    tenant: Tenant,
    chosen: Selection,
    wanted: Wanted,
    *,
    filter_: Mapping[str, Any],
    reason: str,
    confirmation: str,
    author: str,
    source: Source,
    now: datetime,
) -> Change:
    """Freeze whom it is about, and have it carried out.

    Raises:
        BulkRefusedError, ConfirmationError: the caller rolls back.
    """
    wanted = KINDS[wanted.kind].check(connection, tenant, wanted)
    change_id = record_change(
        connection,
        tenant,
        kind=wanted.kind,
        wanted=wanted,
        filter_=filter_,
        reason=reason,
        author=author,
        source=source,
        now=now,
    )
    count = freeze(connection, tenant.id, change_id, chosen)
    check_asked(wanted.kind, count, reason=reason, confirmation=confirmation)
    return _open(connection, tenant, change_id, wanted, now=now)


def ask_undo(
    connection: Connection,
    tenant: Tenant,
    change_id: int,
    *,
    reason: str,
    confirmation: str,
    author: str,
    source: Source,
    now: datetime,
) -> Change:
    """Have everything put back that is still as the change left it. An undo is a bulk change of its own.

    Raises:
        NoChangeError
        BulkRefusedError, ConfirmationError: the caller rolls back.
    """
    change = load_change(connection, tenant, change_id, lock=True)
    check_undoable(change)
    if _undone_just_now(connection, tenant.id, change_id):
        raise BulkRefusedError(f"bulk change {change_id} is being undone already")
    undo_id = record_change(
        connection,
        tenant,
        kind=UNDO,
        wanted=None,
        filter_=None,
        reason=reason,
        author=author,
        source=source,
        undoes=change_id,
        now=now,
    )
    count = freeze_done(connection, tenant.id, undo_id, of=change_id)
    check_asked(UNDO, count, reason=reason, confirmation=confirmation)
    return _open(connection, tenant, undo_id, change.wanted, now=now)


def check_undoable(change: Change) -> None:
    """
    Raises:
        BulkRefusedError: it cannot be undone, or not yet, or not any more.
    """
    if not change.over:
        raise BulkRefusedError(f"bulk change {change.id} is {change.state}: cancel it first, or let it end")
    if change.wanted is None:
        raise BulkRefusedError("an undo is not undone: ask for the change again")
    if KINDS[change.kind].undo is None:
        raise BulkRefusedError("this kind of change is for good: nothing is kept that could be put back")
    if change.forgotten_at is not None:
        raise BulkRefusedError("it is too long ago: what was before is kept no longer")


def count_undoable(connection: Connection, tenant_id: TenantId, change_id: int) -> int:
    """Whom an undo would be about."""
    row = fetch_one(
        connection,
        "select count(*) as n from bulk_change_row where tenant_id = :tenant_id and change_id = :id and state = 'done'",
        tenant_id=tenant_id,
        id=change_id,
    )
    return int(row["n"]) if row else 0


def _undone_just_now(connection: Connection, tenant_id: TenantId, change_id: int) -> bool:
    row = fetch_one(
        connection,
        "select 1 from bulk_change where tenant_id = :tenant_id and undoes = :id and state in ('running', 'paused')",
        tenant_id=tenant_id,
        id=change_id,
    )
    return row is not None


def _open(connection: Connection, tenant: Tenant, change_id: int, wanted: Wanted | None, *, now: datetime) -> Change:
    change = load_change(connection, tenant, change_id)
    if isinstance(wanted, CorpTagsWanted):
        swapped = change.undoes is not None
        job_id = record_job(
            connection,
            tenant.id,
            add=wanted.remove if swapped else wanted.add,
            remove=wanted.add if swapped else wanted.remove,
            choice=Choice(),
            author=change.author,
            source=change.source,
            reason=change.reason,
            now=now,
            change_id=change_id,
        )
        note_job(connection, tenant.id, change_id, job_id)
    open_bulk(connection, tenant.id, job_id=change_id, asked_by=change.author, now=now, resource=BULK_CHANGE)
    return load_change(connection, tenant, change_id)


def pause(connection: Connection, tenant: Tenant, change_id: int) -> Change:
    """Begin no further page.

    Raises:
        NoChangeError
        BulkRefusedError: it is not running.
    """
    # The run first, as who does a page does.
    pause_bulk(connection, tenant.id, job_id=change_id, resource=BULK_CHANGE)
    change = _turn(connection, tenant, change_id, {ChangeState.RUNNING}, ChangeState.PAUSED)
    if change.job_id is not None:
        pause_job(connection, tenant.id, change.job_id)
    return change


def resume(connection: Connection, tenant: Tenant, change_id: int, *, now: datetime) -> Change:
    """
    Raises:
        NoChangeError
        BulkRefusedError: it is not paused.
    """
    resume_bulk(connection, tenant.id, job_id=change_id, now=now, resource=BULK_CHANGE)
    change = _turn(connection, tenant, change_id, {ChangeState.PAUSED}, ChangeState.RUNNING)
    if change.job_id is not None:
        resume_job(connection, tenant.id, change.job_id, now=now)
    return change


def cancel(connection: Connection, tenant: Tenant, change_id: int, *, now: datetime) -> Change:
    """Change nobody else; what was done stays, and can be undone.

    Raises:
        NoChangeError
        BulkRefusedError: it is over.
    """
    resume_bulk(connection, tenant.id, job_id=change_id, now=now, resource=BULK_CHANGE)
    before = {ChangeState.RUNNING, ChangeState.PAUSED}
    change = _turn(connection, tenant, change_id, before, ChangeState.CANCELLED)
    if change.job_id is not None:
        cancel_job(connection, tenant.id, change.job_id, now=now)
    return change


def _turn(
    connection: Connection, tenant: Tenant, change_id: int, before: set[ChangeState], after: ChangeState
) -> Change:
    change = load_change(connection, tenant, change_id, lock=True)
    if change.state not in before:
        raise BulkRefusedError(f"bulk change {change_id} is {change.state}")
    record_state(connection, tenant.id, change_id, after, finished_at=None)
    return load_change(connection, tenant, change_id)
