"""The outbox: one row per delivery, written in the commit of its fact; one attempt row per try, written before it.

A message is sent once. Every try sends the same bytes and asks WeCom to recognise repeats; WeCom does so for four
hours at most. A try whose outcome is not known for longer is parked as `in_doubt` for a person, never guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import FactId, OutboxId, TenantId

DUPLICATE_WINDOW = timedelta(seconds=14_400)
"""For how long WeCom recognises a repeat at most. Source: WeCom server API, sending application messages."""
SAFETY = timedelta(minutes=10)
"""Distance from the end of that window: clocks differ, calls take time."""

BODY, RESPONSE_CODE = "outbox.body", "outbox.response_code"
"""Encryption contexts."""
WECOM, WEBHOOK = "wecom", "webhook"
"""The channels to people, and to the retailer's own systems. The latter's rows wait as `queued`, so that `due` is what
goes to people's phones and neither queue is looked at for the other; services/webhooks does the rest.
"""
ROBOT, CARD_UPDATE = "robot", "wecom_card"
"""The channels to group robots, and to cards that people have already; shared/queued.py does the rest."""
APART = (WEBHOOK, ROBOT, CARD_UPDATE)
"""Channels whose rows wait as `queued`."""


@dataclass(frozen=True)
class Delivery:
    """`natural_key` names fact or rule, step, channel and recipient; a second row with the same one is a no-op.

    `expires_at` None: it is kept as long as the settings of its channel say. `about`, `reason`: see services/notices.
    `not_before` None: it may go out at once.
    """

    natural_key: str
    fact_id: FactId | None
    notice: str
    channel: str
    recipient: str
    causes: Sequence[Mapping[str, object]]
    expires_at: datetime | None
    about: str | None = None
    reason: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True)
class Due:
    """A delivery that this process holds. `body` is encrypted, None until rendered."""

    tenant_id: TenantId
    id: OutboxId
    fact_id: FactId | None
    notice: str
    recipient: str
    body: bytes | None
    attempts: int
    fence: int
    first_unknown_at: datetime | None
    created_at: datetime
    expires_at: datetime


def enqueue(connection: Connection, tenant_id: TenantId, deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """The number of rows added; deliveries that are there already are left alone."""
    if not deliveries:
        return 0
    return run(
        connection,
        "insert into outbox (tenant_id, natural_key, fact_id, notice, channel, recipient, causes, state, next_try_at, "
        "first_fair_at, created_at, expires_at, about, reason) "
        "select :tenant_id, natural_key, fact_id, notice, channel, recipient, causes, "
        "case when channel = any(:apart) then 'queued' else 'due' end, coalesce(not_before, :now), "
        "not_before, :now, expires_at, about, reason "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(natural_key text, fact_id bigint, notice text, "
        "channel text, recipient text, causes jsonb, expires_at timestamptz, about text, "
        "reason text, not_before timestamptz) "
        "on conflict (tenant_id, natural_key) do nothing",
        tenant_id=tenant_id,
        apart=list(APART),
        now=now,
        rows=as_json(
            [
                {
                    "natural_key": one.natural_key,
                    "fact_id": one.fact_id,
                    "notice": one.notice,
                    "channel": one.channel,
                    "recipient": one.recipient,
                    "causes": one.causes,
                    "expires_at": one.expires_at,
                    "about": one.about,
                    "reason": one.reason,
                    "not_before": one.not_before,
                }
                for one in deliveries
            ]
        ),
    )


def overdue(due: Due, *, now: datetime) -> str | None:
    """What becomes of a delivery that must not be sent any more, None if it may be: pure.

    An outcome that is unknown for too long is `in_doubt`; an old notice that was certainly not sent has `expired`.
    """
    if due.first_unknown_at is not None:
        return "in_doubt" if due.first_unknown_at < now - DUPLICATE_WINDOW + SAFETY else None
    return "expired" if due.expires_at <= now else None


def park(connection: Connection, due: Due, state: str, *, now: datetime) -> None:
    run(
        connection,
        "update outbox set state = :state, settled_at = :now, lease_until = null "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'due'",
        state=state,
        now=now,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
    )


def lease(connection: Connection, *, limit: int, now: datetime, lease_s: float) -> list[Due]:
    """Take due deliveries that nobody holds, oldest first."""
    rows = fetch_all(
        connection,
        "update outbox o set lease_until = :until, fence = o.fence + 1 from ("
        " select tenant_id, id from outbox where state = 'due' and next_try_at <= :now"
        " and (lease_until is null or lease_until < :now) order by next_try_at limit :limit for update skip locked"
        ") due where o.tenant_id = due.tenant_id and o.id = due.id "
        "returning o.tenant_id, o.id, o.fact_id, o.notice, o.recipient, o.body, o.attempts, o.fence, "
        "o.first_unknown_at, o.created_at, o.expires_at",
        until=now + timedelta(seconds=lease_s),
        now=now,
        limit=limit,
    )
    return sorted((Due(**row) for row in rows), key=lambda due: due.id)


def begin_attempt(connection: Connection, due: Due, *, body: bytes | None, now: datetime) -> int | None:
    """Note that a try starts, before it starts; its number, or None when the lease went to somebody else.

    `body` is kept for all later tries; None when there is nothing to send yet.

    From this commit on the outcome is unknown until `finish_attempt` says otherwise.
    """
    held = run(
        connection,
        "update outbox set attempts = attempts + 1, body = coalesce(body, :body), "
        "first_unknown_at = coalesce(first_unknown_at, :now) "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'due'",
        body=body,
        now=now,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
    )
    if not held:
        return None
    run(
        connection,
        "insert into attempt (tenant_id, parent_kind, parent_id, number, recipient, started_at, outcome) "
        "values (:tenant_id, 'outbox', :id, :number, :recipient, :now, 'started')",
        tenant_id=due.tenant_id,
        id=due.id,
        number=due.attempts + 1,
        recipient=due.recipient,
        now=now,
    )
    return due.attempts + 1


@dataclass(frozen=True)
class Outcome:
    """How a try ended.

    `outcome` is accepted, refused, retry (WeCom certainly did not take it) or unknown. `state` is what becomes of the
    delivery: due (again at `next_try_at`), sent, refused or dead. `response_code`: of a card, encrypted.
    """

    outcome: str
    state: str
    next_try_at: datetime | None = None
    msgid: str | None = None
    code: int | None = None
    detail: str | None = None
    response_code: bytes | None = None


def finish_attempt(connection: Connection, due: Due, number: int, result: Outcome, *, now: datetime) -> None:
    run(
        connection,
        "update attempt set finished_at = :now, outcome = :outcome, code = :code, detail = :detail "
        "where tenant_id = :tenant_id and parent_kind = 'outbox' and parent_id = :id and number = :number",
        now=now,
        outcome=result.outcome,
        code=result.code,
        detail=result.detail,
        tenant_id=due.tenant_id,
        id=due.id,
        number=number,
    )
    run(
        connection,
        # A try that certainly failed leaves an earlier unknown one unknown.
        "update outbox set state = :state, lease_until = null, next_try_at = coalesce(:next_try_at, next_try_at), "
        "msgid = coalesce(:msgid, msgid), last_error = :detail, "
        "response_code = coalesce(:response_code, response_code), "
        "first_unknown_at = case when :outcome = 'unknown' then first_unknown_at else :before end, "
        "settled_at = case when :state = 'due' then null else cast(:now as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id and fence = :fence",
        state=result.state,
        next_try_at=result.next_try_at,
        msgid=result.msgid,
        detail=result.detail,
        response_code=result.response_code,
        outcome=result.outcome,
        before=due.first_unknown_at,
        now=now,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
    )


def postpone(connection: Connection, due: Due, *, at: datetime) -> None:
    """Give a delivery back without a try."""
    run(
        connection,
        "update outbox set lease_until = null, next_try_at = :at "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'due'",
        at=at,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
    )


def recent_tries(
    connection: Connection, tenant_id: TenantId, recipients: Sequence[str], *, since: datetime
) -> dict[str, list[datetime]]:
    """When each recipient's messages were tried since `since`, oldest first: every try counts against the limits."""
    rows = fetch_all(
        connection,
        "select recipient, started_at from attempt where tenant_id = :tenant_id and recipient = any(:recipients) "
        "and started_at > :since and outcome <> 'retry' order by started_at",
        tenant_id=tenant_id,
        recipients=list(recipients),
        since=since,
    )
    found: dict[str, list[datetime]] = {one: [] for one in recipients}
    for row in rows:
        found[row["recipient"]].append(row["started_at"])
    return found


def next_due(connection: Connection) -> datetime | None:
    row = fetch_one(
        connection,
        "select min(greatest(next_try_at, coalesce(lease_until, next_try_at))) as at from outbox where state = 'due'",
    )
    return row["at"] if row else None


def count_by_state(connection: Connection) -> dict[str, int]:
    """Of messages; what waits for webhook endpoints is theirs."""
    rows = fetch_all(connection, "select state, count(*) n from outbox where channel <> 'webhook' group by 1")
    return {row["state"]: row["n"] for row in rows}
