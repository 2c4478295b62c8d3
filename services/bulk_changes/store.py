"""Rows of bulk changes. Whom one is about is frozen when it is asked for; each customer's row says what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.bulk_changes.model import (
    UNDO,
    Change,
    ChangeState,
    NoChangeError,
    Outcome,
    RowState,
    Wanted,
    read_wanted,
)
from services.finding.selection import Selection
from services.intents.model import Source
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

ASKED, REASON, BEFORE = "bulk_change.asked", "bulk_change.reason", "bulk_change_row.before"
"""Encryption contexts."""
COUNTED = (RowState.DONE, RowState.SAME, RowState.REFUSED)


def record_change(
    connection: Connection,
    tenant: Tenant,
    *,
    kind: str,
    wanted: Wanted | None,
    filter_: Mapping[str, Any] | None,
    reason: str,
    author: str,
    source: Source,
    undoes: int | None = None,
    now: datetime,
) -> int:
    """A change that is about nobody yet; its id."""
    asked = {"wanted": wanted.model_dump(mode="json") if wanted else None, "filter": filter_}
    row = fetch_one(
        connection,
        "insert into bulk_change (tenant_id, kind, asked, reason, author, source, undoes, created_at) "
        "values (:tenant_id, :kind, :asked, :reason, :author, :source, :undoes, :now) returning id",
        tenant_id=tenant.id,
        kind=kind,
        asked=tenant.cipher.encrypt(orjson.dumps(asked), ASKED),
        reason=tenant.cipher.encrypt(reason.strip().encode(), REASON),
        author=author,
        source=source.value,
        undoes=undoes,
        now=now,
    )
    assert row is not None
    return int(row["id"])


def freeze(connection: Connection, tenant_id: TenantId, change_id: int, chosen: Selection) -> int:
    """From now on the change is about exactly these customers; how many."""
    frozen = run(
        connection,
        "insert into bulk_change_row (tenant_id, change_id, customer_id) "  # noqa: S608 - a selection
        f"select :tenant_id, :change_id, u.id from ({chosen.sql}) as chosen "
        "join customer u on u.tenant_id = :tenant_id and u.id = chosen.customer_id and u.merged_into is null "
        "order by u.id",
        tenant_id=tenant_id,
        change_id=change_id,
        **chosen.parameters,
    )
    return _count_frozen(connection, tenant_id, change_id, frozen)


def freeze_done(connection: Connection, tenant_id: TenantId, change_id: int, *, of: int) -> int:
    """An undo is about those whom the change `of` has changed, and no undo has put back; how many."""
    frozen = run(
        connection,
        "insert into bulk_change_row (tenant_id, change_id, customer_id) select tenant_id, :change_id, customer_id "
        "from bulk_change_row where tenant_id = :tenant_id and change_id = :of and state = 'done' "
        "order by customer_id",
        tenant_id=tenant_id,
        change_id=change_id,
        of=of,
    )
    return _count_frozen(connection, tenant_id, change_id, frozen)


def _count_frozen(connection: Connection, tenant_id: TenantId, change_id: int, count: int) -> int:
    run(
        connection,
        "update bulk_change set total_count = :count where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=change_id,
        count=count,
    )
    return count


def load_change(connection: Connection, tenant: Tenant, change_id: int, *, lock: bool = False) -> Change:
    """`lock`: nobody else pauses it, cancels it or does a page of it until the transaction ends.

    Raises:
        NoChangeError
    """
    row = fetch_one(
        connection,
        "select * from bulk_change where tenant_id = :tenant_id and id = :id" + (" for update" if lock else ""),  # noqa: S608
        tenant_id=tenant.id,
        id=change_id,
    )
    if row is None:
        raise NoChangeError("there is no such bulk change")
    return _change(row, tenant)


def page_changes(connection: Connection, tenant: Tenant, *, before: int | None, limit: int) -> list[Change]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select * from bulk_change where tenant_id = :tenant_id "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant.id,
        before=before,
        limit=limit,
    )
    return [_change(row, tenant) for row in rows]


def _change(row: Row, tenant: Tenant) -> Change:
    asked = orjson.loads(tenant.cipher.decrypt(row["asked"], ASKED))
    sealed = {"asked", "reason", "source", "state"}
    return Change(
        wanted=read_wanted(asked["wanted"]) if asked["wanted"] else None,
        filter=asked["filter"],
        reason=tenant.cipher.decrypt(row["reason"], REASON).decode(),
        source=Source(row["source"]),
        state=ChangeState(row["state"]),
        **{name: value for name, value in row.items() if name not in sealed},
    )


def record_state(
    connection: Connection, tenant_id: TenantId, change_id: int, state: ChangeState, *, finished_at: datetime | None
) -> None:
    run(
        connection,
        "update bulk_change set state = :state, finished_at = :finished_at where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=change_id,
        state=state.value,
        finished_at=finished_at,
    )


def is_any_running(connection: Connection, tenant_id: TenantId, kind: str) -> bool:
    """Whether a change of the kind, or an undo of whatever kind, brings more about."""
    row = fetch_one(
        connection,
        "select exists (select from bulk_change where tenant_id = :tenant_id and state = 'running' "
        "and kind in (:kind, :undo)) as running",
        tenant_id=tenant_id,
        kind=kind,
        undo=UNDO,
    )
    return bool(row and row["running"])


def record_job(connection: Connection, tenant_id: TenantId, change_id: int, job_id: int) -> None:
    run(
        connection,
        "update bulk_change set job_id = :job_id where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=change_id,
        job_id=job_id,
    )


def waiting(connection: Connection, tenant_id: TenantId, change_id: int, *, after: int, limit: int) -> list[CustomerId]:
    """The next customers for whom nothing was done yet, in the order of ids."""
    rows = fetch_all(
        connection,
        "select customer_id from bulk_change_row where tenant_id = :tenant_id and change_id = :id "
        "and customer_id > :after and state = 'waiting' order by customer_id limit :limit",
        tenant_id=tenant_id,
        id=change_id,
        after=after,
        limit=limit,
    )
    return [CustomerId(row["customer_id"]) for row in rows]


def record_outcomes(connection: Connection, tenant: Tenant, change_id: int, outcomes: Sequence[Outcome]) -> None:
    """In the transaction of what was done: so each customer's part is done once, whatever dies in between."""
    rows = [
        {
            "customer_id": one.customer_id,
            "state": one.state.value,
            "reason": one.reason,
            "before": None if one.before is None else tenant.cipher.encrypt(orjson.dumps(one.before), BEFORE),
        }
        for one in outcomes
    ]
    run(
        connection,
        "update bulk_change_row r set state = o.state, reason = o.reason, before = o.before "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as o(customer_id bigint, state text, reason text, before bytea) "
        "where r.tenant_id = :tenant_id and r.change_id = :id and r.customer_id = o.customer_id "
        "and r.customer_id = any(:ids)",
        tenant_id=tenant.id,
        id=change_id,
        rows=as_json(rows),
        ids=[one.customer_id for one in outcomes],
    )
    counts = {f"{state.value}": sum(one.state is state for one in outcomes) for state in COUNTED}
    run(
        connection,
        "update bulk_change set done_count = done_count + :done, same_count = same_count + :same, "
        "refused_count = refused_count + :refused where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=change_id,
        **counts,
    )


def load_before(
    connection: Connection, tenant: Tenant, change_id: int, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Mapping[str, Any]]:
    """What was before, of those who are still as the change says that it left them, and of whom it is kept."""
    rows = fetch_all(
        connection,
        "select customer_id, before from bulk_change_row where tenant_id = :tenant_id and change_id = :id "
        "and customer_id = any(:ids) and state = 'done' and before is not null",
        tenant_id=tenant.id,
        id=change_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["customer_id"]): orjson.loads(tenant.cipher.decrypt(row["before"], BEFORE)) for row in rows}


def record_undone(
    connection: Connection, tenant_id: TenantId, change_id: int, customer_ids: Sequence[CustomerId]
) -> None:
    run(
        connection,
        "update bulk_change_row set state = 'undone', before = null where tenant_id = :tenant_id "
        "and change_id = :id and customer_id = any(:ids) and state = 'done'",
        tenant_id=tenant_id,
        id=change_id,
        ids=list(customer_ids),
    )


def load_rows(
    connection: Connection,
    tenant_id: TenantId,
    change_id: int,
    *,
    states: Sequence[RowState],
    after: int,
    limit: int,
) -> Sequence[Row]:
    """Customers of a change in the order of their ids: customer_id, state, reason."""
    return fetch_all(
        connection,
        "select customer_id, state, reason from bulk_change_row where tenant_id = :tenant_id and change_id = :id "
        "and customer_id > :after and state = any(:states) order by customer_id limit :limit",
        tenant_id=tenant_id,
        id=change_id,
        after=after,
        states=[one.value for one in states],
        limit=limit,
    )


def count_reasons(connection: Connection, tenant_id: TenantId, change_id: int) -> dict[str, int]:
    """Why customers were left out -> how many."""
    rows = fetch_all(
        connection,
        "select reason, count(*) as n from bulk_change_row where tenant_id = :tenant_id and change_id = :id "
        "and state = 'refused' group by reason order by 2 desc, 1",
        tenant_id=tenant_id,
        id=change_id,
    )
    return {row["reason"] or "": row["n"] for row in rows}


def forget_before(connection: Connection, *, finished_before: datetime, limit: int, now: datetime) -> int:
    """Empty what was before of some customers of changes that nobody may undo any more; how many.

    A change whose values are all gone is marked, so that nobody looks at it again.
    """
    row = fetch_one(
        connection,
        "select tenant_id, id from bulk_change where forgotten_at is null and finished_at < :before "
        "order by finished_at limit 1 for update skip locked",
        before=finished_before,
    )
    if row is None:
        return 0
    emptied = run(
        connection,
        "update bulk_change_row set before = null where tenant_id = :tenant_id and change_id = :id and customer_id in "
        "(select customer_id from bulk_change_row where tenant_id = :tenant_id and change_id = :id "
        "and before is not null limit :limit)",
        tenant_id=row["tenant_id"],
        id=row["id"],
        limit=limit,
    )
    if emptied < limit:
        run(
            connection,
            "update bulk_change set forgotten_at = :now where tenant_id = :tenant_id and id = :id",
            tenant_id=row["tenant_id"],
            id=row["id"],
            now=now,
        )
    return max(emptied, 1)
