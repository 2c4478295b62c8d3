"""The outbox: one row per delivery, written in the commit of its fact; one attempt row per try, written before it.

A message is sent once. Every try sends the same bytes and asks WeCom to recognise repeats; WeCom does so for four
hours at most. A try whose outcome is not known for longer is parked as `in_doubt` for a person, never guessed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import FactId, TenantId
from shared.tries import FREE, LIMIT, Due

DUPLICATE_WINDOW = timedelta(seconds=14_400)
"""For how long WeCom recognises a repeat at most. Source: WeCom server API, sending application messages."""
SAFETY = timedelta(minutes=10)
"""Distance from the end of that window: clocks differ, calls take time."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""By so much between machines at most, which is within `SAFETY`: what is further ahead was noted by a clock that ran
ahead, and when it was nobody knows.
"""

BODY, RESPONSE_CODE = "outbox.body", "outbox.response_code"
"""Encryption contexts."""
WECOM, WEBHOOK = "wecom", "webhook"
"""The channels to people, and to the retailer's own systems. The latter's rows wait as `queued`, so that `due` is what
goes to people's phones and neither queue is looked at for the other; services/webhooks does the rest.
"""
ROBOT, CARD_UPDATE = "robot", "wecom_card"
"""The channels to group robots, and to cards that people have already."""
APART = (WEBHOOK, ROBOT, CARD_UPDATE)
"""Channels whose rows wait as `queued`."""
SPOKEN = "state = 'queued' and channel = 'robot'"
CARDS = (
    "select tenant_id, id from outbox where state = 'queued' and channel = 'wecom_card' "  # noqa: S608
    f"and {FREE} order by next_try_at, id {LIMIT}"
)
ROBOTS = f"""
with recursive whose(recipient) as (
  (select recipient from outbox where {SPOKEN} order by recipient limit 1) union all
  select (select recipient from outbox where {SPOKEN} and recipient > whose.recipient order by recipient limit 1)
  from whose where whose.recipient is not null)
select tenant_id, id from whose cross join lateral (
  select tenant_id, id, next_try_at from outbox where {SPOKEN} and recipient = whose.recipient and {FREE}
  order by next_try_at, id {LIMIT}) first
where whose.recipient <> all(:without) order by next_try_at, id limit :limit
"""  # noqa: S608
"""Robot by robot: what waits for those that rest (`without`) is not looked at."""


@dataclass(frozen=True)
class Delivery:
    """`natural_key` names fact or rule, step, channel and recipient; a second row with the same one is a no-op.

    `expires_at` None: it is kept as long as the settings of its channel say. `about`, `reason`: see services/notices.
    `not_before` None: it may go out at once. `meant_at`: when it was meant to, quiet hours apart. `gathers_until`: by
    itself it waits until then, though it may be told with another. `true_until`: of no use any more then, whoever it
    goes to. `urgent`, `apart_s`: see services/reminders.
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
    meant_at: datetime | None = None
    gathers_until: datetime | None = None
    true_until: datetime | None = None
    urgent: bool = False
    apart_s: int = 0


def enqueue(connection: Connection, tenant_id: TenantId, deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """The number of rows added; deliveries that are there already are left alone."""
    if not deliveries:
        return 0
    return run(
        connection,
        "insert into outbox (tenant_id, natural_key, fact_id, notice, channel, recipient, causes, state, next_try_at, "
        "first_fair_at, meant_at, gathers_until, true_until, created_at, expires_at, about, reason, urgent, apart_s) "
        "select :tenant_id, natural_key, fact_id, notice, channel, recipient, causes, "
        "case when channel = any(:apart) then 'queued' else 'due' end, "
        "greatest(coalesce(not_before, :now), gathers_until), "
        "not_before, meant_at, gathers_until, true_until, :now, expires_at, about, reason, urgent, apart_s "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(natural_key text, fact_id bigint, notice text, "
        "channel text, recipient text, causes jsonb, expires_at timestamptz, about text, "
        "reason text, not_before timestamptz, meant_at timestamptz, gathers_until timestamptz, "
        "true_until timestamptz, urgent boolean, apart_s int) "
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
                    "meant_at": one.meant_at,
                    "gathers_until": one.gathers_until,
                    "true_until": one.true_until,
                    "urgent": one.urgent,
                    "apart_s": one.apart_s,
                }
                for one in deliveries
            ]
        ),
    )


def overdue(due: Due, *, now: datetime) -> str | None:
    """What becomes of a delivery that must not be sent any more, None if it may be: pure.

    An outcome that is unknown for too long, or for nobody knows how long, is `in_doubt`; an old notice that was
    certainly not sent has `expired`. What may have arrived and stands for nothing any more is not sent again, only to
    be taken back.
    """
    if due.recall is not None:
        return "withdrawn"
    if due.first_unknown_at is not None:
        known = now - DUPLICATE_WINDOW + SAFETY <= due.first_unknown_at <= now + CLOCKS_DIFFER
        return None if known else "in_doubt"
    return "expired" if due.expires_at <= now else None


def postpone(connection: Connection, due: Due, *, at: datetime) -> None:
    """Until it is meant to go out; its time counts from then."""
    run(
        connection,
        "update outbox set lease_until = null, next_try_at = :at, first_fair_at = :at, "
        "expires_at = least(expires_at + (cast(:at as timestamptz) - coalesce(first_fair_at, created_at)), true_until) "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = 'due'",
        at=at,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
    )


@dataclass(frozen=True)
class Queue:
    """Places of one recipient from `start` on: `most` in each window of `window_s`."""

    recipient: str
    start: datetime
    most: int
    window_s: float


def line_up(
    connection: Connection, tenant_id: TenantId, queue: Queue, *, told_together: Collection[str], now: datetime
) -> None:
    """Give all that could go to one recipient before `start`, message by message, its place from then on.

    In one statement: asked one by one, each of ten thousand would be taken and put back every minute.
    """
    run(
        connection,
        "update outbox o set lease_until = null, next_try_at = cast(:start as timestamptz) + "
        "make_interval(secs => (w.place / :most) * :window_s) from ("
        " select id, row_number() over (order by urgent desc, first_fair_at, id) - 1 as place from ("
        "  select id, urgent, first_fair_at from outbox where tenant_id = :tenant_id and recipient = :recipient"
        "  and state = 'due' and first_unknown_at is null and (body is not null or notice <> all(:together))"
        "  and coalesce(first_fair_at, created_at) <= :now and next_try_at < :start for update skip locked) free) w "
        "where o.tenant_id = :tenant_id and o.id = w.id",
        start=queue.start,
        most=queue.most,
        window_s=queue.window_s,
        tenant_id=tenant_id,
        recipient=queue.recipient,
        together=sorted(told_together),
        now=now,
    )


def park_unknowable(connection: Connection, *, now: datetime) -> dict[str, int]:
    """Messages whose unknown try was noted by a clock that ran ahead: how many of each kind are in doubt.

    At once, whoever holds them and whenever they are due: when that time has come it looks as if they were tried then.
    """
    rows = fetch_all(
        connection,
        "with ahead as (select tenant_id, id from outbox where state = 'due' and first_unknown_at > :latest "
        " order by id for update skip locked), "
        "parked as (update outbox o set state = 'in_doubt', settled_at = :now, lease_until = null, "
        " recall = case when o.recall is not null then 'failed' end from ahead "
        " where o.tenant_id = ahead.tenant_id and o.id = ahead.id returning o.notice) "
        "select notice, count(*) as n from parked group by 1",
        latest=now + CLOCKS_DIFFER,
        now=now,
    )
    return {row["notice"]: row["n"] for row in rows}


def expire(connection: Connection, *, limit: int, now: datetime) -> dict[str, int]:
    """Close what is too old, was certainly not sent, and nobody holds: how many of each kind. Many in one statement."""
    rows = fetch_all(
        connection,
        "with old as (select tenant_id, id from outbox where state = 'due' and expires_at <= :now "
        " and next_try_at <= :now and first_unknown_at is null and (lease_until is null or lease_until < :now)"
        " order by expires_at limit :limit for update skip locked), "
        "closed as (update outbox o set state = 'expired', settled_at = :now, lease_until = null, recall = null "
        " from old where o.tenant_id = old.tenant_id and o.id = old.id returning o.notice) "
        "select notice, count(*) as n from closed group by 1",
        now=now,
        limit=limit,
    )
    return {row["notice"]: row["n"] for row in rows}


def expire_robots(connection: Connection, *, limit: int, now: datetime) -> int:
    """The same for what robots were to say, also what waits for one that rests: how many, of all kinds."""
    return run(
        connection,
        f"update outbox o set state = 'expired', settled_at = :now, lease_until = null from (select tenant_id, id "  # noqa: S608
        f"from outbox where {SPOKEN} and expires_at <= :now and first_unknown_at is null "
        f"and (lease_until is null or lease_until < :now) order by expires_at {LIMIT}) old "
        "where o.tenant_id = old.tenant_id and o.id = old.id",
        limit=limit,
        now=now,
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
