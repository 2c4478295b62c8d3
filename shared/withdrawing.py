"""Notices whose reason has vanished: what is not sent is withdrawn, what was just sent is taken back.

A message that tells of several is taken back when none of them stands any more, or is not sent: what is folded into it
counts as told when it is sent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import OutboxId, TenantId
from shared.outbox import WECOM

RECALLED_WITHIN = timedelta(hours=1)
"""Later, the message has been read: it was right when it was sent."""

WITHDRAW = """
with mine as (
  select o.id, o.reason, o.state in ('due', 'queued') and o.first_unknown_at is null and o.folds = 1 as untold
  from outbox o where o.tenant_id = :tenant_id and o.reason = any(:reasons) and o.recall is null
    and (o.state in ('due', 'queued') or (o.state = 'sent' and o.settled_at > :since)
      or (o.state = 'folded' and exists (select from outbox c where c.tenant_id = o.tenant_id
        and c.id = o.folded_into and (c.state = 'due' or c.settled_at > :since))))
  order by o.id for update)
update outbox o set
  state = case when m.untold then 'withdrawn' else o.state end,
  settled_at = case when m.untold then :now else o.settled_at end,
  lease_until = case when m.untold then null else o.lease_until end,
  recall = case when m.untold or o.channel <> :recallable then null else 'wanted' end,
  next_try_at = case when o.state in ('due', 'queued') then o.next_try_at else :now end
from mine m where o.tenant_id = :tenant_id and o.id = m.id returning m.reason, m.untold
"""


def withdraw(connection: Connection, tenant_id: TenantId, reasons: Collection[str], *, now: datetime) -> set[str]:
    """Take back what stands for these, in the commit of the fact that took them away.

    The reasons of which nobody had been told yet, nor perhaps. What is on its way is recalled when it has settled.
    """
    rows = fetch_all(
        connection,
        WITHDRAW,
        tenant_id=tenant_id,
        reasons=sorted(reasons),
        since=now - RECALLED_WITHIN,
        recallable=WECOM,
        now=now,
    )
    told = {row["reason"] for row in rows if not row["untold"]}
    return {row["reason"] for row in rows} - told


@dataclass(frozen=True)
class Recall:
    """A message to be taken back."""

    tenant_id: TenantId
    id: OutboxId
    notice: str
    msgid: str | None
    settled_at: datetime


TAKE = """
update outbox o set next_try_at = :until from (
  select c.tenant_id, c.id from outbox c where c.recall = 'wanted' and c.state = 'sent' and c.next_try_at <= :now
    and (c.folds = 1 or not exists (select from outbox f
      where f.tenant_id = c.tenant_id and f.folded_into = c.id and f.recall is null))
  order by c.next_try_at limit :limit for update skip locked) due
where o.tenant_id = due.tenant_id and o.id = due.id
returning o.tenant_id, o.id, o.notice, o.msgid, o.settled_at
"""


def take_recalls(connection: Connection, *, limit: int, now: datetime, lease_s: float) -> list[Recall]:
    """Messages to be taken back now; whoever takes them has so long for it."""
    rows = fetch_all(connection, TAKE, now=now, until=now + timedelta(seconds=lease_s), limit=limit)
    return sorted((Recall(**row) for row in rows), key=lambda one: one.id)


def finish_recall(connection: Connection, one: Recall, result: str, *, next_try_at: datetime | None = None) -> None:
    """`result`: done, late, failed, or wanted (again at `next_try_at`); likewise for what its message tells of."""
    run(
        connection,
        "update outbox set recall = :result, next_try_at = coalesce(:at, next_try_at) "
        "where tenant_id = :tenant_id and recall = 'wanted' and (id = :id or (folded_into = :id and state = 'folded'))",
        result=result,
        at=next_try_at,
        tenant_id=one.tenant_id,
        id=one.id,
    )


def close_late_recalls(connection: Connection, *, now: datetime) -> int:
    """What could not be taken back within the time stays: some of what its message tells of still stands, or WeCom was
    away.
    """
    return run(
        connection,
        "update outbox o set recall = 'late' where recall = 'wanted' and state in ('sent', 'folded') "
        "and next_try_at <= :now and case state when 'sent' then settled_at else (select c.settled_at from outbox c "
        "where c.tenant_id = o.tenant_id and c.id = o.folded_into) end <= :before",
        now=now,
        before=now - RECALLED_WITHIN,
    )
