"""Rows of the outbox that wait as `queued` in a channel of their own: group robots, and changes of cards.

As for messages, the attempt is committed before the call, and whoever lost a row's lease changes nothing any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import FactId, OutboxId, TenantId
from shared.outbox import Outcome


@dataclass(frozen=True)
class Queued:
    """A row that this process holds. `first_unknown_at`: an earlier try may have arrived. `fair_at`: as of a Due."""

    tenant_id: TenantId
    id: OutboxId
    fact_id: FactId | None
    notice: str
    recipient: str
    causes: Sequence[Mapping[str, object]]
    body: bytes | None
    attempts: int
    fence: int
    first_unknown_at: datetime | None
    created_at: datetime
    expires_at: datetime
    fair_at: datetime
    about: str | None
    urgent: bool
    apart_s: int


def lease_queued(
    connection: Connection, channel: str, *, limit: int, now: datetime, lease_s: float, without: Sequence[str] = ()
) -> list[Queued]:
    """Take due rows of one channel that nobody holds, the longest waiting first. `without`: recipients that rest."""
    rows = fetch_all(
        connection,
        "update outbox o set lease_until = :until, fence = o.fence + 1 from ("
        " select tenant_id, id from outbox where state = 'queued' and channel = :channel "
        " and channel in ('robot', 'wecom_card') and next_try_at <= :now and recipient <> all(:without)"
        " and (lease_until is null or lease_until < :now) order by next_try_at, id limit :limit for update skip locked"
        ") due where o.tenant_id = due.tenant_id and o.id = due.id "
        "returning o.tenant_id, o.id, o.fact_id, o.notice, o.recipient, o.causes, o.body, o.attempts, o.fence, "
        "o.first_unknown_at, o.created_at, o.expires_at, coalesce(o.first_fair_at, o.created_at) as fair_at, "
        "o.about, o.urgent, o.apart_s",
        channel=channel,
        without=list(without),
        until=now + timedelta(seconds=lease_s),
        now=now,
        limit=limit,
    )
    return sorted((Queued(**row) for row in rows), key=lambda one: (one.tenant_id, one.id))


def begin_queued(
    connection: Connection, one: Queued, *, body: bytes | None, counts_for: str | None, now: datetime, lease_s: float
) -> int | None:
    """Note that a try starts; its number, or None when the lease went to somebody else. The lease begins anew.

    `body`: kept for later tries. `counts_for`: whose limits the try counts against.
    """
    held = run(
        connection,
        "update outbox set attempts = attempts + 1, body = coalesce(body, :body), "
        "first_unknown_at = coalesce(first_unknown_at, :now), lease_until = :until "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'queued'",
        body=body,
        until=now + timedelta(seconds=lease_s),
        now=now,
        tenant_id=one.tenant_id,
        id=one.id,
        fence=one.fence,
    )
    if not held:
        return None
    run(
        connection,
        "insert into attempt (tenant_id, parent_kind, parent_id, number, recipient, started_at, outcome) "
        "values (:tenant_id, 'outbox', :id, :number, :recipient, :now, 'started')",
        tenant_id=one.tenant_id,
        id=one.id,
        number=one.attempts + 1,
        recipient=counts_for,
        now=now,
    )
    return one.attempts + 1


def end_queued(connection: Connection, one: Queued, number: int | None, result: Outcome, *, now: datetime) -> None:
    """How a try went, and what becomes of its row: `queued` again, or an end. `number` None: there was no try."""
    if number is not None:
        run(
            connection,
            "update attempt set finished_at = :now, outcome = :outcome, code = :code, detail = :detail "
            "where tenant_id = :tenant_id and parent_kind = 'outbox' and parent_id = :id and number = :number",
            now=now,
            outcome=result.outcome,
            code=result.code,
            detail=result.detail,
            tenant_id=one.tenant_id,
            id=one.id,
            number=number,
        )
    run(
        connection,
        "update outbox set state = :state, lease_until = null, next_try_at = coalesce(:next_try_at, next_try_at), "
        "last_error = coalesce(:detail, last_error), "
        "first_unknown_at = case when :outcome = 'unknown' then first_unknown_at else :before end, "
        "settled_at = case when :state = 'queued' then null else cast(:now as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'queued'",
        state=result.state,
        next_try_at=result.next_try_at,
        detail=result.detail,
        outcome=result.outcome,
        before=one.first_unknown_at,
        now=now,
        tenant_id=one.tenant_id,
        id=one.id,
        fence=one.fence,
    )


def postpone_queued(connection: Connection, one: Queued, *, at: datetime) -> None:
    """Give a row back without a try."""
    end_queued(connection, one, None, Outcome("retry", "queued", next_try_at=at), now=at)


def expire_queued(connection: Connection, channel: str, *, limit: int, now: datetime) -> int:
    """Close what is too old, was certainly not sent, and nobody holds, many in one statement; how many."""
    return run(
        connection,
        "update outbox o set state = 'expired', settled_at = :now from ("
        " select tenant_id, id from outbox where state = 'queued' and channel = :channel"
        " and channel in ('robot', 'wecom_card') and next_try_at <= :now and expires_at <= :now"
        " and first_unknown_at is null and (lease_until is null or lease_until < :now)"
        " order by next_try_at limit :limit for update skip locked) old "
        "where o.tenant_id = old.tenant_id and o.id = old.id",
        channel=channel,
        limit=limit,
        now=now,
    )


def answered_tries(connection: Connection, one: Queued, *, without: Sequence[int]) -> int:
    """How many tries WeCom answered, with other codes than these: what was put off, or did not get there, is none."""
    row = fetch_one(
        connection,
        "select count(*) as n from attempt where tenant_id = :tenant_id and parent_kind = 'outbox' "
        "and parent_id = :id and code is not null and code <> all(:without)",
        tenant_id=one.tenant_id,
        id=one.id,
        without=list(without),
    )
    assert row is not None
    return int(row["n"])
