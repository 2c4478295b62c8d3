"""Notices whose reason has vanished: what is not sent is withdrawn, what was just sent is taken back.

A message that tells of several is taken back when none of them stands any more, or is not sent: what is folded into it
counts as told when it is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import OutboxId, TenantId
from shared.outbox import WECOM

RECALLED_WITHIN = timedelta(hours=1)
"""Later, the message has been read: it was right when it was sent."""
LATE_AT_ONCE = 1000
LOOKED_AT_AGAIN = timedelta(minutes=1)

UNTOLD = "o.state in ('due', 'queued') and o.first_unknown_at is null and o.folds = 1"
UNSURE = f"{UNTOLD} or (o.state = 'due' and o.channel = 'wecom' and o.recall is null and o.folds = 1)"
"""Also what was tried without an answer, which may have arrived."""
TAKEN_BACK = (
    "o.recall is null and (o.state in ('due', 'queued') or (o.state = 'sent' and o.settled_at > :since) or "
    "(o.state = 'folded' and exists (select from outbox c where c.tenant_id = o.tenant_id and c.id = o.folded_into "
    "and (c.state in ('due', 'queued') or c.settled_at > :since))))"
)
UNSAID = (
    "(o.channel = 'robot' and (o.state = 'queued' or exists (select from outbox c where c.tenant_id = o.tenant_id "
    "and c.id = o.folded_into and c.state = 'queued')))"
)
"""What a robot has said is not taken back; what it has still to say is not said when nothing of it stands."""
GIVEN = "select unnest(cast(:reasons as text[])), unnest(cast(:befores as timestamptz[]))"


def _withdrawing(which: str, reasons: str) -> str:
    """Rows are found reason by reason, over their index whatever the planner thinks, and locked in the order of ids;
    with them the messages that tell of them and are to be taken back already, which may now be so as a whole.
    """
    return f"""
with found as materialized (
  select w.* from ({reasons}) r(reason, before) cross join lateral (
    select o.id, o.folded_into from outbox o
    where o.tenant_id = :tenant_id and o.reason = r.reason and ({which})
      and (r.before is null or exists (select from fact f where f.tenant_id = o.tenant_id and f.id = o.fact_id
        and coalesce(cast(f.payload ->> 'since' as timestamptz), f.occurred_at) < r.before)) offset 0) w),
mine as (
  select o.id, o.reason, {UNTOLD} as untold from outbox o where o.tenant_id = :tenant_id
    and o.id = any(array(select id from found union select folded_into from found where folded_into is not null))
    and ((o.id = any(array(select id from found)) and ({which}))
      or (o.state = 'sent' and o.folds > 1 and o.recall = 'wanted')) order by o.id for update)
update outbox o set
  state = case when m.untold then 'withdrawn' else o.state end,
  settled_at = case when m.untold then :now else o.settled_at end,
  lease_until = case when m.untold then null else o.lease_until end,
  recall = case when not m.untold and (o.channel = :recallable or {UNSAID}) then :told end,
  next_try_at = case when o.state in ('due', 'queued') then o.next_try_at else :now end
from mine m where o.tenant_id = :tenant_id and o.id = m.id returning m.reason, m.untold
"""  # noqa: S608


def withdraw(
    connection: Connection, tenant_id: TenantId, reasons: Mapping[str, datetime | None], *, now: datetime
) -> dict[str, bool]:
    """Take back what stands for these, in the commit of what took them away.

    `reasons`: of what holds since before when (what its fact names as `since`, else when it happened); None: since
    whenever. Back come those of which something was taken back -> whether nobody had been told of it yet, nor perhaps.
    What is on its way is recalled when it has settled.
    """
    asked = sorted(reasons)
    rows = fetch_all(
        connection,
        _withdrawing(TAKEN_BACK, GIVEN),
        tenant_id=tenant_id,
        reasons=asked,
        befores=[reasons[one] for one in asked],
        since=now - RECALLED_WITHIN,
        recallable=WECOM,
        told="wanted",
        now=now,
    )
    told = {row["reason"] for row in rows if not row["untold"]}
    return {one: one not in told for row in rows if (one := row["reason"]) in reasons}


def withdraw_untold(
    connection: Connection, tenant_id: TenantId, reasons: str, *, now: datetime, **parameters: object
) -> int:
    """Only what has not surely gone out: the number of rows. What was sent stays where it is.

    What was tried without an answer is not tried again, nor taken back if it has arrived. `reasons`: a statement that
    selects them, with its `parameters`.
    """
    bounded = f"select g.reason, cast(null as timestamptz) from ({reasons}) g(reason)"  # noqa: S608
    values = {"tenant_id": tenant_id, "recallable": WECOM, "told": "failed", "now": now, **parameters}
    return len(fetch_all(connection, _withdrawing(UNSURE, bounded), **values))


@dataclass(frozen=True)
class Recall:
    """A message to be taken back."""

    tenant_id: TenantId
    id: OutboxId
    notice: str
    msgid: str | None
    settled_at: datetime


TAKE = """
with wanted as (
  select c.tenant_id, c.id, c.folds > 1 and exists (select from outbox f where f.tenant_id = c.tenant_id
    and f.folded_into = c.id and f.recall is null) as stands
  from outbox c where c.recall = 'wanted' and c.state = 'sent' and c.next_try_at <= :now
  order by c.next_try_at limit :limit for update skip locked)
update outbox o set next_try_at = case when w.stands then :later else :until end from wanted w
where o.tenant_id = w.tenant_id and o.id = w.id
returning o.tenant_id, o.id, o.notice, o.msgid, o.settled_at, w.stands
"""
"""A message of which something still stands is looked at again a minute later, and when the rest has vanished."""


def take_recalls(connection: Connection, *, limit: int, now: datetime, lease_s: float) -> list[Recall]:
    """Messages to be taken back now; whoever takes them has so long for it."""
    until, later = now + timedelta(seconds=lease_s), now + LOOKED_AT_AGAIN
    while rows := fetch_all(connection, TAKE, now=now, until=until, later=later, limit=limit):
        free = [{name: row[name] for name in Recall.__dataclass_fields__} for row in rows if not row["stands"]]
        if free:
            return sorted((Recall(**one) for one in free), key=lambda one: one.id)
    return []


def finish_recall(connection: Connection, one: Recall, result: str, *, next_try_at: datetime | None = None) -> None:
    """`result`: done, late, failed, or wanted (again at `next_try_at`); likewise for what its message tells of."""
    run(
        connection,
        "update outbox o set recall = :result, next_try_at = coalesce(:at, o.next_try_at) from ("
        " select o.id from outbox o where o.tenant_id = :tenant_id and o.recall = 'wanted' and o.id = any(array("
        "  select cast(:id as bigint) union all"
        "  select f.id from outbox f where f.tenant_id = :tenant_id and f.folded_into = :id and f.state = 'folded'))"
        " order by o.id for update) mine where o.tenant_id = :tenant_id and o.id = mine.id",
        result=result,
        at=next_try_at,
        tenant_id=one.tenant_id,
        id=one.id,
    )


def close_late_recalls(connection: Connection, *, now: datetime, limit: int = LATE_AT_ONCE) -> int:
    """What could not be taken back within the time stays: some of what its message tells of still stands, or WeCom was
    away. So many at a time; how many.
    """
    return run(
        connection,
        "update outbox o set recall = 'late' from (select w.tenant_id, w.id from outbox w where w.recall = 'wanted' "
        " and w.state in ('sent', 'folded') and w.settled_at <= :before and w.next_try_at <= :now"
        " and (w.state = 'sent' or (select c.settled_at from outbox c where c.tenant_id = w.tenant_id"
        "  and c.id = w.folded_into) <= :before)"
        " order by w.settled_at limit :limit for update skip locked) late "
        "where o.tenant_id = late.tenant_id and o.id = late.id",
        now=now,
        before=now - RECALLED_WITHIN,
        limit=limit,
    )
