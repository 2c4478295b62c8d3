"""What waits for webhook endpoints: rows of the outbox in the channel `webhook`, one per fact and endpoint.

A row is queued until it is sent, dead (its tries are used up) or expired (it waited for too long). Its lease has a
fence: who lost it to somebody else changes nothing any more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.webhooks.model import Call, Ended, FactTold, Listener, natural_key, recipient_of
from services.webhooks.plan import listens
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import EndpointId, FactId, OutboxId, TenantId
from shared.outbox import WEBHOOK, Delivery


def deliveries_of(listeners: Sequence[Listener], facts: Sequence[tuple[FactId, str, str]]) -> list[Delivery]:
    """One for each fact (id, type, cause) and endpoint that listens."""
    return [
        Delivery(
            natural_key=natural_key(fact_id, listener.id),
            fact_id=fact_id,
            notice=fact_type,
            channel=WEBHOOK,
            recipient=recipient_of(listener.id),
            causes=[],  # the fact has it
            expires_at=None,
        )
        for fact_id, fact_type, cause in facts
        for listener in listeners
        if listens(listener, fact_type=fact_type, cause=cause)
    ]


def begin_calls(
    connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, limit: int, now: datetime, lease_s: float
) -> list[Call]:
    """Take rows that are due and that nobody holds, those that wait longest first, and note a try of each.

    From the commit on a try may have happened; `record_ended` says how it went, `take_back` that it did not begin.
    """
    rows = fetch_all(
        connection,
        "update outbox o set lease_until = :until, fence = o.fence + 1, attempts = o.attempts + 1 from ("
        " select w.tenant_id, w.id from outbox w where w.tenant_id = :tenant_id and w.recipient = :recipient"
        " and w.state = 'queued' and w.next_try_at <= :now and (w.lease_until is null or w.lease_until < :now)"
        " order by w.next_try_at, w.id limit :limit for update skip locked"
        ") due, fact f where o.tenant_id = due.tenant_id and o.id = due.id and f.tenant_id = o.tenant_id "
        "and f.id = o.fact_id returning o.id as outbox_id, o.fence, o.attempts, o.created_at, f.id, f.type, f.version, "
        "f.subject_kind, f.subject_key, f.occurred_at, f.recorded_at, f.cause, f.payload",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        until=now + timedelta(seconds=lease_s),
        now=now,
        limit=limit,
    )
    if not rows:
        return []
    tries = fetch_all(
        connection,
        "insert into attempt (tenant_id, parent_kind, parent_id, number, started_at, outcome) "
        "select :tenant_id, 'outbox', id, number, :now, 'started' "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, number int) returning id, parent_id",
        tenant_id=tenant_id,
        now=now,
        rows=as_json([{"id": row["outbox_id"], "number": row["attempts"]} for row in rows]),
    )
    ids = {row["parent_id"]: row["id"] for row in tries}
    return [_call(row, ids[row["outbox_id"]]) for row in sorted(rows, key=lambda row: row["id"])]


def _call(row: Row, attempt_id: int) -> Call:
    told = {name: row[name] for name in FactTold.__dataclass_fields__}
    return Call(
        id=OutboxId(row["outbox_id"]),
        fence=row["fence"],
        attempt_id=attempt_id,
        tries=row["attempts"],
        queued_at=row["created_at"],
        fact=FactTold(**told),
    )


_ENDED = (
    "jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, fence bigint, attempt_id bigint, outcome text, "
    "state text, next_try_at timestamptz, uncounted int, code int, detail text)"
)


def record_ended(
    connection: Connection, tenant_id: TenantId, results: Sequence[tuple[Call, Ended]], *, now: datetime
) -> None:
    """Note how tries went, and what becomes of their rows."""
    rows = as_json(
        [
            {
                "id": call.id,
                "fence": call.fence,
                "attempt_id": call.attempt_id,
                "outcome": result.outcome,
                "state": result.state,
                "next_try_at": result.next_try_at,
                "uncounted": 0 if result.counts else 1,
                "code": result.code,
                "detail": result.detail,
            }
            for call, result in results
        ]
    )
    run(
        connection,
        "update attempt a set finished_at = :now, outcome = r.outcome, code = r.code, detail = r.detail "  # noqa: S608
        f"from {_ENDED} where a.tenant_id = :tenant_id and a.id = r.attempt_id",
        tenant_id=tenant_id,
        now=now,
        rows=rows,
    )
    run(
        connection,
        "update outbox o set state = r.state, lease_until = null, last_error = r.detail, "  # noqa: S608
        "next_try_at = coalesce(r.next_try_at, o.next_try_at), attempts = o.attempts - r.uncounted, "
        "settled_at = case when r.state = 'queued' then null else cast(:now as timestamptz) end "
        f"from {_ENDED} where o.tenant_id = :tenant_id and o.id = r.id and o.fence = r.fence and o.state = 'queued'",
        tenant_id=tenant_id,
        now=now,
        rows=rows,
    )


def take_back(connection: Connection, tenant_id: TenantId, calls: Sequence[Call]) -> None:
    """These did not begin: no try, no lease."""
    if not calls:
        return
    run(
        connection,
        "delete from attempt where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=[call.attempt_id for call in calls],
    )
    run(
        connection,
        "update outbox o set lease_until = null, attempts = o.attempts - 1 "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, fence bigint) "
        "where o.tenant_id = :tenant_id and o.id = r.id and o.fence = r.fence and o.state = 'queued'",
        tenant_id=tenant_id,
        rows=as_json([{"id": call.id, "fence": call.fence} for call in calls]),
    )


def list_deliveries(
    connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, state: str | None, limit: int
) -> list[Mapping[str, Any]]:
    """The newest that wait and the newest that are settled, with the last answer; never what was sent."""
    columns = "o.id, o.fact_id, o.notice as type, o.state, o.attempts, o.created_at, o.next_try_at, o.settled_at"
    mine = (
        "o.tenant_id = :tenant_id and o.recipient = :recipient and (cast(:state as text) is null or o.state = :state)"
    )
    rows = fetch_all(
        connection,
        f"select * from ((select {columns}, o.last_error from outbox o where {mine} and o.state = 'queued' "  # noqa: S608
        f"order by o.next_try_at desc, o.id desc limit :limit) union all (select {columns}, o.last_error "
        f"from outbox o where {mine} and o.channel = 'webhook' and o.settled_at is not null "
        "order by o.settled_at desc limit :limit)) as newest order by id desc limit :limit",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        state=state,
        limit=limit,
    )
    return [dict(row) for row in rows]


def count_by_state(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId) -> dict[str, int]:
    rows = fetch_all(
        connection,
        "select 'queued' as state, count(*) n from outbox where tenant_id = :tenant_id and recipient = :recipient "
        "and state = 'queued' union all select state, count(*) from outbox where tenant_id = :tenant_id "
        "and recipient = :recipient and channel = 'webhook' and settled_at is not null group by 1",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
    )
    return {row["state"]: row["n"] for row in rows if row["n"]}


def oldest_waiting(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId) -> datetime | None:
    """When the row that is due first became due, whoever holds it; None when none waits."""
    row = fetch_one(
        connection,
        "select next_try_at as at from outbox where tenant_id = :tenant_id and recipient = :recipient "
        "and state = 'queued' order by next_try_at limit 1",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
    )
    return row["at"] if row else None
