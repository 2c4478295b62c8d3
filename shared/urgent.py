"""Events of which something must be done within seconds: a queue beside the inbox, so that none of the others waits
before them.

The gateway puts them here in the commit that stores them, and the commit itself wakes who listens. Routing puts in
what came another way (from the spool, through a gateway of before); once an event is here, it is here once. The body
stays in the inbox.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from shared.body import Body
from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import ReceiverId, TenantId
from shared.inbox import Arrival, InboxRow, columns_of

FIELDS = ("WelcomeCode",)
"""What is worth nothing a few seconds after its event. Source: WeCom server API, customer events (page 92130)."""
CHANNEL = "guanxi_urgent"
"""PostgreSQL's notifications of new ones; they carry nothing, and may be lost."""

STORE_URGENT = f"""
with told as (
  select * from unnest(
    %b::date[], %b::int[], %b::bytea[], %b::int[], %b::timestamptz[], %b::timestamptz[], %b::bytea[], %b::bool[]
  ) as t(day, receiver_id, digest, tenant_id, occurred_at, received_at, body, urgent)
), stored as (
  insert into inbox (day, receiver_id, digest, tenant_id, occurred_at, received_at, body)
  select day, receiver_id, digest, tenant_id, occurred_at, received_at, body from told
  on conflict (day, receiver_id, digest) do nothing returning day, receiver_id, digest
), marked as (
  insert into urgent_event (day, receiver_id, digest, tenant_id, received_at, next_try_at)
  select day, receiver_id, digest, tenant_id, received_at, received_at
  from told join stored using (day, receiver_id, digest) where urgent on conflict do nothing returning 1
)
select pg_notify('{CHANNEL}', '') where exists (select from marked)
"""  # noqa: S608 - a constant
"""As `shared.inbox.STORE`, for arrivals of which some are urgent; takes `urgent_columns_of`."""


@dataclass(frozen=True)
class UrgentEvent:
    """One that its claimer is to see to. `body` is encrypted, as in the inbox."""

    day: date
    receiver_id: ReceiverId
    digest: bytes
    tenant_id: TenantId
    body: bytes
    occurred_at: datetime | None
    received_at: datetime


def is_urgent(body: Body) -> bool:
    return any(body.text(name) for name in FIELDS)


def urgent_columns_of(arrivals: Sequence[Arrival]) -> tuple[list[object], ...]:
    ordered = sorted(arrivals, key=lambda a: (a.day, a.receiver_id, a.digest))  # as `columns_of` has them
    return (*columns_of(ordered), [a.is_urgent for a in ordered])


def record_urgent(connection: Connection, rows: Iterable[InboxRow], *, now: datetime) -> None:
    """Put those into the queue that are not there yet."""
    values = [
        {"day": r.day, "receiver_id": r.receiver_id, "digest": r.digest, "tenant_id": r.tenant_id, "at": r.received_at}
        for r in rows
    ]
    if not values:
        return
    fetch_all(
        connection,
        "with made as (insert into urgent_event (day, receiver_id, digest, tenant_id, received_at, next_try_at) "  # noqa: S608 - a constant
        "select r.day, r.receiver_id, r.digest, r.tenant_id, r.at, :now from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r(day date, receiver_id int, digest bytea, tenant_id int, at timestamptz) on conflict do nothing "
        f"returning 1) select pg_notify('{CHANNEL}', '') from made limit 1",
        now=now,
        rows=as_json(values),
    )


def claim_urgent(
    connection: Connection, busy: Mapping[TenantId, int], *, most: int, now: datetime, lease_s: float
) -> list[UrgentEvent]:
    """Take due ones that nobody has, for `lease_s` seconds: of each tenant as many as bring it up to `most`.

    `busy`: how many of a tenant's the caller is at already.
    """
    rows = fetch_all(
        connection,
        "with open as (select distinct tenant_id from urgent_event where done_at is null and next_try_at <= :now), "
        "share as (select o.tenant_id, greatest(0, :most - coalesce(b.n, 0)) as rows from open o left join "
        "jsonb_to_recordset(cast(:busy as jsonb)) as b(tenant_id int, n int) on b.tenant_id = o.tenant_id), "
        "mine as (select u.day, u.receiver_id, u.digest from share cross join lateral (select * from urgent_event "
        "where tenant_id = share.tenant_id and done_at is null and next_try_at <= :now order by next_try_at "
        "limit share.rows for update skip locked) u) "
        "update urgent_event u set next_try_at = :until from mine join inbox i on (i.day, i.receiver_id, i.digest) = "
        "(mine.day, mine.receiver_id, mine.digest) where (u.day, u.receiver_id, u.digest) = "
        "(mine.day, mine.receiver_id, mine.digest) "
        "returning u.day, u.receiver_id, u.digest, u.tenant_id, i.body, i.occurred_at, u.received_at",
        now=now,
        until=now + timedelta(seconds=lease_s),
        most=most,
        busy=as_json([{"tenant_id": tenant_id, "n": n} for tenant_id, n in busy.items()]),
    )
    return [UrgentEvent(**row) for row in sorted(rows, key=lambda row: row["received_at"])]


def settle_urgent(connection: Connection, event: UrgentEvent, *, now: datetime) -> None:
    """Nothing is left to do."""
    _update(connection, event, "done_at = :at", now)


def put_off_urgent(connection: Connection, event: UrgentEvent, *, at: datetime) -> None:
    _update(connection, event, "next_try_at = :at", at)


def _update(connection: Connection, event: UrgentEvent, change: str, at: datetime) -> None:
    run(
        connection,
        f"update urgent_event set {change} where day = :day and receiver_id = :receiver_id and digest = :digest",  # noqa: S608
        at=at,
        day=event.day,
        receiver_id=event.receiver_id,
        digest=event.digest,
    )


def oldest_urgent(connection: Connection) -> datetime | None:
    """When the oldest arrived that nobody has seen to."""
    row = fetch_one(connection, "select min(received_at) as at from urgent_event where done_at is null")
    return row["at"] if row else None


def forget_urgent(connection: Connection, *, before: datetime) -> int:
    """Delete what came before, done or not: nobody can do anything about it any more."""
    return run(connection, "delete from urgent_event where received_at < :before", before=before)
