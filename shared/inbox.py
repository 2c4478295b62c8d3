"""The inbox: every authentic callback body, stored once, encrypted, before it is answered.

Identity of an event = (day of its CreateTime, receiver, sha-256 of its decrypted body). FromUserName is "sys" for
customer events and CreateTime has one-second resolution, so sender and time would merge different events.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import InboxId, ReceiverId, TenantId

NO_DAY = date(1970, 1, 1)
"""The day of bodies without a usable CreateTime: they live in the default partition."""

BODY = "inbox.body"
"""Encryption context of the bodies."""


@dataclass(frozen=True)
class Arrival:
    """One authentic body on its way into the inbox. `body` is encrypted; `digest` is of the plaintext.

    `is_urgent` is a hint that the spool forgets: routing sees it again.
    """

    receiver_id: ReceiverId
    tenant_id: TenantId
    digest: bytes
    body: bytes
    occurred_at: datetime | None
    received_at: datetime
    is_urgent: bool = field(default=False, compare=False)

    @property
    def day(self) -> date:
        return self.occurred_at.date() if self.occurred_at else NO_DAY


@dataclass(frozen=True)
class InboxRow:
    id: InboxId
    day: date
    digest: bytes
    receiver_id: ReceiverId
    tenant_id: TenantId
    body: bytes
    occurred_at: datetime | None
    received_at: datetime


def digest_of(plaintext: bytes) -> bytes:
    return hashlib.sha256(plaintext).digest()


def usable_time(unix_seconds: str | None) -> datetime | None:
    """A body's CreateTime (or TimeStamp) as a moment; None when missing, not a number or outside 2000 to 2100."""
    if unix_seconds is None or not unix_seconds.isascii() or not unix_seconds.isdigit() or len(unix_seconds) > 10:
        return None
    moment = datetime.fromtimestamp(int(unix_seconds), UTC)
    return moment if 2000 <= moment.year < 2100 else None


STORE = """
insert into inbox (day, receiver_id, digest, tenant_id, occurred_at, received_at, body)
select * from unnest(%b::date[], %b::int[], %b::bytea[], %b::int[], %b::timestamptz[], %b::timestamptz[], %b::bytea[])
on conflict (day, receiver_id, digest) do nothing
"""
"""Takes the columns of many arrivals as arrays (see `columns_of`): one statement, one commit, repeats are no-ops.

Binary (%b): as text, every body would be written as hexadecimal on one side and read on the other."""


def columns_of(arrivals: Sequence[Arrival]) -> tuple[list[object], ...]:
    # Sorted, so that two gateways storing the same events lock them in one order and cannot deadlock.
    ordered = sorted(arrivals, key=lambda a: (a.day, a.receiver_id, a.digest))
    return (
        [a.day for a in ordered],
        [a.receiver_id for a in ordered],
        [a.digest for a in ordered],
        [a.tenant_id for a in ordered],
        [a.occurred_at for a in ordered],
        [a.received_at for a in ordered],
        [a.body for a in ordered],
    )


_WAITING = (
    "with recursive waiting(tenant_id, id, received_at) as ("
    "(select tenant_id, id, received_at from inbox where state = 'new' order by tenant_id, id limit 1) union all "
    "select next.tenant_id, next.id, next.received_at from waiting cross join lateral ("
    "select i.tenant_id, i.id, i.received_at from inbox i where i.state = 'new' and i.tenant_id > waiting.tenant_id "
    "order by i.tenant_id, i.id limit 1) as next) "
)
"""The oldest new row of each tenant that has one: steps from tenant to tenant, however many rows of each wait."""


def claim_new(connection: Connection, *, limit: int) -> list[InboxRow]:
    """Lock new rows that nobody else is routing, until this transaction ends.

    Every tenant that waits gets the same share of `limit`, at least one row; the oldest rows of each come first.
    """
    rows = fetch_all(
        connection,
        f"{_WAITING}, share as materialized ("  # noqa: S608 - a constant
        "select tenant_id, greatest(1, :limit / count(*) over ()) as rows "
        "from waiting order by id limit :limit) "
        "select i.id, i.day, i.digest, i.receiver_id, i.tenant_id, i.body, i.occurred_at, i.received_at "
        "from share cross join lateral (select * from inbox where state = 'new' and tenant_id = share.tenant_id "
        "order by id limit share.rows for update skip locked) as i order by i.id",
        limit=limit,
    )
    return [InboxRow(**row) for row in rows]


@dataclass(frozen=True)
class Routed:
    """What routing found out about one row. `state` is routed, unrouted or failed."""

    row: InboxRow
    state: str
    event: str | None
    change: str | None
    problem: str | None = None


def record_routed(connection: Connection, outcomes: Sequence[Routed], *, now: datetime) -> None:
    run(
        connection,
        "update inbox i set state = r.state, event = r.event, change = r.change, problem = r.problem, routed_at = :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(day date, receiver_id int, digest bytea, state text, "
        "event text, change text, problem text) "
        "where i.day = r.day and i.receiver_id = r.receiver_id and i.digest = r.digest",
        now=now,
        rows=as_json(
            [
                {
                    "day": o.row.day,
                    "receiver_id": o.row.receiver_id,
                    "digest": o.row.digest,
                    "state": o.state,
                    "event": o.event,
                    "change": o.change,
                    "problem": o.problem,
                }
                for o in outcomes
            ]
        ),
    )


def count_by_state(connection: Connection) -> dict[str, int]:
    return {row["state"]: row["n"] for row in fetch_all(connection, "select state, count(*) n from inbox group by 1")}


def oldest_new(connection: Connection, tenant_id: TenantId | None = None) -> datetime | None:
    """When the oldest new row arrived: of one tenant, or of all."""
    sql = (
        f"{_WAITING} select received_at from waiting order by id limit 1"  # noqa: S608 - a constant
        if tenant_id is None
        else "select received_at from inbox where state = 'new' and tenant_id = :tenant_id order by id limit 1"
    )
    row: Row | None = fetch_one(connection, sql, tenant_id=tenant_id)
    return row["received_at"] if row else None
