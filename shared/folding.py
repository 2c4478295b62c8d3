"""Several notices in one message: one row carries it, the others are folded into it in the commit of its attempt.

A folded row is never sent by itself again: what becomes of its carrier becomes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, run
from shared.ids import OutboxId, TenantId
from shared.tries import Due

MOST = 20_000
"""Rows folded at once; what is left is folded into the next message."""


@dataclass(frozen=True)
class Key:
    """What is told together. `own`: the recipient's own matter, or somebody's whom they hear of."""

    recipient: str
    notice: str
    own: bool
    urgent: bool

    @staticmethod
    def of(due: Due) -> "Key":
        return Key(due.recipient, due.notice, due.about is None, due.urgent)


FRESH = "o.state = 'due' and o.body is null and o.first_unknown_at is null and o.folds = 1"
"""Never rendered, and telling of itself alone: a row that was tried keeps its bytes, and those that it tells of."""
OF_KEY = (
    "o.tenant_id = :tenant_id and o.recipient = k.recipient and o.notice = k.notice and (o.about is null) = k.own "
    f"and o.urgent = k.urgent and {FRESH} and coalesce(o.first_fair_at, o.created_at) <= :now"
)
KEYS = (
    "jsonb_to_recordset(cast(:keys as jsonb)) as k(id bigint, recipient text, notice text, own boolean, urgent boolean)"
)
KEYS_UNTIL = KEYS.replace(" urgent boolean)", " urgent boolean, latest timestamptz)")

FOUND = f"""
select w.id, k.id as carrier from {KEYS} cross join lateral (
  select o.id from outbox o where {OF_KEY} and o.expires_at > :now and o.id <> k.id order by o.id limit :most) w
union all
select o.id, k.id from {KEYS} join outbox o on o.tenant_id = :tenant_id and o.folded_into = k.id
"""  # noqa: S608
LOCKED = f"""
select o.id from outbox o where o.tenant_id = :tenant_id and o.id = any(:ids)
  and ((o.state = 'folded' and o.folded_into = any(:carriers))
  or (o.state = 'due' and (o.id = any(:held) or ({FRESH})))) order by o.id for update of o
"""  # noqa: S608
"""By an array that the planner sees: joined to what was found, a table that has just grown would be read for each. Of
what is folded only what is in one of these carriers: what was told with another meanwhile is nobody's any more.
"""


TOLD = (
    f"select k.id, greatest((select o.settled_at from outbox o where o.tenant_id = :tenant_id "  # noqa: S608
    "and o.recipient = k.recipient and o.notice = k.notice and o.state = 'sent' and o.channel <> 'webhook' "
    "and (o.about is null) = k.own and o.settled_at <= k.latest order by o.settled_at desc limit 1), "
    "(select max(o.first_unknown_at) from outbox o "
    "where o.tenant_id = :tenant_id and o.recipient = k.recipient and o.notice = k.notice and o.state = 'due' "
    "and (o.about is null) = k.own and o.first_unknown_at <= k.latest)) as at "
    f"from {KEYS_UNTIL}"
)
PUT_OFF = (
    "update outbox o set lease_until = null, next_try_at = cast(:at as timestamptz), expires_at = case "  # noqa: S608
    "when :moves then least(o.true_until, "
    "o.expires_at + (cast(:at as timestamptz) - coalesce(o.first_fair_at, o.created_at))) "
    "else o.expires_at end, first_fair_at = case when :moves then cast(:at as timestamptz) "
    "else o.first_fair_at end from ("
    f" select o.id from outbox o, {KEYS} where {OF_KEY} and o.next_try_at < cast(:at as timestamptz)"
    " for update of o skip locked) w where o.tenant_id = :tenant_id and o.id = w.id"
)


def _waiting(sql: str, state: str) -> str:
    """For rows that wait as `queued`. Text, not a parameter: a plan for any state could use no index of one."""
    return sql if state == "due" else sql.replace("o.state = 'due'", "o.state = 'queued'")


def gather(
    connection: Connection,
    tenant_id: TenantId,
    held: Sequence[Due],
    carriers: Mapping[OutboxId, Key],
    *,
    now: datetime,
    state: str = "due",
) -> dict[OutboxId, list[OutboxId]]:
    """Lock what is held and all that is told with a carrier; of each that is still due, what it tells of besides.

    Locked in one statement, in the order of ids: whoever withdraws notices locks them in that order, too.
    """
    mine = [due.id for due in held]
    keys = _keys(carriers)
    found = fetch_all(connection, _waiting(FOUND, state), tenant_id=tenant_id, keys=keys, most=MOST, now=now)
    carrier_of = {row["id"]: row["carrier"] for row in found if row["id"] not in carriers}
    ids = sorted({*mine, *carrier_of})
    locked_by = {"tenant_id": tenant_id, "ids": ids, "held": mine, "carriers": list(carriers)}
    rows = fetch_all(connection, _waiting(LOCKED, state), **locked_by)
    locked = [OutboxId(row["id"]) for row in rows]
    told: dict[OutboxId, list[OutboxId]] = {id_: [] for id_ in locked if id_ not in carrier_of}
    for id_ in locked:
        if id_ in carrier_of and carrier_of[id_] in told:
            told[carrier_of[id_]].append(id_)
    return told


def fold(
    connection: Connection, tenant_id: TenantId, carrier: OutboxId, ids: Sequence[OutboxId], *, now: datetime
) -> None:
    """In the commit that notes the carrier's attempt."""
    run(
        connection,
        "update outbox set state = 'folded', folded_into = :carrier, settled_at = :now, lease_until = null "
        "where tenant_id = :tenant_id and id = any(:ids)",
        carrier=carrier,
        now=now,
        tenant_id=tenant_id,
        ids=list(ids),
    )
    run(
        connection,
        "update outbox set folds = :folds, expires_at = greatest(expires_at, (select max(f.expires_at) from outbox f "
        "where f.tenant_id = :tenant_id and f.id = any(:ids))) where tenant_id = :tenant_id and id = :carrier",
        folds=1 + len(ids),
        ids=list(ids),
        tenant_id=tenant_id,
        carrier=carrier,
    )


def last_told(
    connection: Connection, tenant_id: TenantId, apart: Mapping[Key, timedelta], *, now: datetime, state: str = "due"
) -> dict[Key, datetime]:
    """When each recipient was last told, or is perhaps being told, of something of the kind.

    `apart`: what is further ahead than that was noted by a clock that ran ahead, and hides nothing told before.
    """
    keys = list(apart)
    asked = as_json([{"id": n, **vars(key), "latest": now + apart[key]} for n, key in enumerate(keys)])
    rows = fetch_all(connection, _waiting(TOLD, state), tenant_id=tenant_id, keys=asked)
    return {keys[row["id"]]: row["at"] for row in rows if row["at"] is not None}


@dataclass(frozen=True)
class Gathered:
    """What waits of a key for others of it. `first`, `last`: until when the first and the last would by themselves.

    `causes`: the kinds of what brought them about (of "bulk_change:7" it is "bulk_change").
    """

    first: datetime
    last: datetime
    causes: frozenset[str]


def gathered(connection: Connection, tenant_id: TenantId, keys: Sequence[Key], *, now: datetime) -> dict[Key, Gathered]:
    """Of the keys of which some wait for others."""
    rows = fetch_all(
        connection,
        f"select k.id, w.* from {KEYS} cross join lateral (select min(o.gathers_until) as first, "  # noqa: S608
        "max(o.gathers_until) as last, "
        "array_agg(distinct split_part(o.causes -> 0 ->> 'caused_by', ':', 1)) as causes "
        f"from outbox o where {OF_KEY}) w where w.first is not null",
        tenant_id=tenant_id,
        keys=_keys(dict(enumerate(keys))),
        now=now,
    )
    return {
        keys[row["id"]]: Gathered(row["first"], row["last"], frozenset(one for one in row["causes"] if one))
        for row in rows
    }


@dataclass(frozen=True)
class Hold:
    """Those of a key go together `at` then, when its row `waker` is looked at again, at the latest at the `end`."""

    key: Key
    waker: OutboxId
    at: datetime
    end: datetime


def hold_together(connection: Connection, tenant_id: TenantId, hold: Hold, *, now: datetime) -> None:
    """Let what waits for more of its key wait on. It was meant to go out when it was: its time is not moved.

    Each row is moved once, however long the key gathers: only the waker, and whatever comes later, is looked at.
    """
    run(
        connection,
        "update outbox o set lease_until = null, next_try_at = "  # noqa: S608
        "case when o.id = :waker then cast(:at as timestamptz) else cast(:end as timestamptz) end from ("
        f" select o.id from outbox o, {KEYS} where {OF_KEY} and o.next_try_at < cast(:at as timestamptz)"
        " for update of o skip locked) w where o.tenant_id = :tenant_id and o.id = w.id",
        waker=hold.waker,
        at=hold.at,
        end=hold.end,
        keys=_keys({OutboxId(0): hold.key}),
        tenant_id=tenant_id,
        now=now,
    )


def put_off(
    connection: Connection,
    tenant_id: TenantId,
    keys: Sequence[tuple[Key, datetime]],
    *,
    moves: bool,
    now: datetime,
    state: str = "due",
) -> None:
    """All that waits to be told together waits until then; with `moves` it was meant to, and its time counts from then.

    Rows in other hands are left alone: they come to the same answer.
    """
    for key, at in keys:
        run(
            connection,
            _waiting(PUT_OFF, state),
            at=at,
            moves=moves,
            keys=_keys({OutboxId(0): key}),
            tenant_id=tenant_id,
            now=now,
        )


def _keys(keys: Mapping[OutboxId, Key] | Mapping[int, Key]) -> str:
    return as_json([{"id": id_, **vars(key)} for id_, key in keys.items()])
