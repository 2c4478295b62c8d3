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
from shared.tries import End, Outcome, end_tries, note_tries


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
    calls = [_call(row) for row in sorted(rows, key=lambda row: row["id"])]
    note_tries(connection, tenant_id, [(call.id, call.tries) for call in calls], now=now)
    return calls


def _call(row: Row) -> Call:
    told = {name: row[name] for name in FactTold.__dataclass_fields__}
    return Call(
        id=OutboxId(row["outbox_id"]),
        fence=row["fence"],
        tries=row["attempts"],
        queued_at=row["created_at"],
        fact=FactTold(**told),
    )


def record_ended(
    connection: Connection, tenant_id: TenantId, results: Sequence[tuple[Call, Ended]], *, now: datetime
) -> None:
    """Note how tries went, and what becomes of their rows."""
    ends = [End(call.id, call.fence, "queued", call.tries, _outcome(result)) for call, result in results]
    end_tries(connection, tenant_id, ends, now=now)


def _outcome(result: Ended) -> Outcome:
    return Outcome(
        result.outcome,
        result.state,
        next_try_at=result.next_try_at,
        code=result.code,
        detail=result.detail,
        counts=result.counts,
    )


def take_back(connection: Connection, tenant_id: TenantId, calls: Sequence[Call]) -> None:
    """These did not begin: no try, no lease."""
    if not calls:
        return
    rows = as_json([{"id": call.id, "fence": call.fence, "number": call.tries} for call in calls])
    run(
        connection,
        "delete from attempt a using jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, number int) "
        "where a.tenant_id = :tenant_id and a.parent_kind = 'outbox' and a.parent_id = r.id and a.number = r.number "
        "and a.finished_at is null",
        tenant_id=tenant_id,
        rows=rows,
    )
    run(
        connection,
        "update outbox o set lease_until = null, attempts = o.attempts - 1 from (select h.id from outbox h "
        "join jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, fence bigint) "
        "on h.id = r.id and h.fence = r.fence where h.tenant_id = :tenant_id and h.state = 'queued' "
        "order by h.id for update of h) r where o.tenant_id = :tenant_id and o.id = r.id",
        tenant_id=tenant_id,
        rows=rows,
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
