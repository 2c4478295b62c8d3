"""What goes with the end of a way: reminders that have not gone out, and steps that would become overdue."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import TenantId
from shared.withdrawing import withdraw_untold

LONGEST_WAIT = timedelta(days=8)
"""So long at most, with quiet hours and delays, a reminder waits to go out."""
PAGE = 500


_TOLD = (
    "select 'sop:' || p.enrolment_id || ':' || p.step_id from sop_progress p "
    "where p.tenant_id = :tenant_id and {} and p.told_at is not null"
)
"""The reasons of what is to be told. What was told stays on the phone: with its card it can still be confirmed."""
REASON = "o.tenant_id = p.tenant_id and o.reason = 'sop:' || p.enrolment_id || ':' || p.step_id"
WAITING = f"""
select p.enrolment_id, p.step_id, 'sop:' || p.enrolment_id || ':' || p.step_id as reason from sop_progress p
where p.tenant_id = :tenant_id and p.rule_id = :rule_id and p.step_id <> all(:kept)
  and p.state in ('reminded', 'overdue') and p.told_at > :since
  and exists (select from outbox o where {REASON} and o.state in ('due', 'queued'))
order by p.enrolment_id, p.step_id for update
"""  # noqa: S608
PASS = f"""
update sop_progress p set raise_at = null, state = case when w.told then p.state else 'skipped' end,
  settled_at = case when w.told then p.settled_at else :now end, why = case when w.told then p.why else 'past' end
from (select p.enrolment_id, p.step_id, exists (select from outbox o where {REASON} and o.state <> 'withdrawn') as told
  from unnest(cast(:ids as bigint[]), cast(:steps as integer[]), cast(:reasons as text[])) k(id, step_id, reason)
  join sop_progress p on p.tenant_id = :tenant_id and p.enrolment_id = k.id and p.step_id = k.step_id
  where p.state = 'reminded' and exists (select from outbox o where o.tenant_id = p.tenant_id and o.reason = k.reason
    and o.recipient = p.userid and (o.state = 'withdrawn' or o.recall is not null))) w
where p.tenant_id = :tenant_id and p.enrolment_id = w.enrolment_id and p.step_id = w.step_id
"""  # noqa: S608
"""Nobody was told: past. Where whoever is responsible was not, or perhaps not, the step does not become overdue."""


def withdraw(connection: Connection, tenant_id: TenantId, enrolment_ids: Iterable[int], *, now: datetime) -> int:
    """Take back what is to be told of these enrolments and has not gone out; the number of messages."""
    ids = sorted(set(enrolment_ids))
    told = _TOLD.format("p.enrolment_id = any(:ids)")
    return withdraw_untold(connection, tenant_id, told, ids=ids, now=now) if ids else 0


def withdraw_step(
    connection: Connection, tenant_id: TenantId, enrolment_id: int, step_id: int, *, now: datetime
) -> int:
    told = _TOLD.format("p.enrolment_id = :enrolment_id and p.step_id = :step_id")
    return withdraw_untold(connection, tenant_id, told, enrolment_id=enrolment_id, step_id=step_id, now=now)


def withdraw_of_rule(connection: Connection, tenant_id: TenantId, rule_id: int, *, now: datetime) -> int:
    """Of all enrolments of a rule, which was stopped or deleted; the caller has locked it for a change."""
    return _withdraw_of_rule(connection, tenant_id, rule_id, [], now=now)


def withdraw_removed_steps(
    connection: Connection, tenant_id: TenantId, rule_id: int, kept: Iterable[int], *, now: datetime
) -> int:
    """Of the steps that a rule has no more after an edit; likewise."""
    return _withdraw_of_rule(connection, tenant_id, rule_id, sorted(kept), now=now)


def _withdraw_of_rule(
    connection: Connection, tenant_id: TenantId, rule_id: int, kept: list[int], *, now: datetime
) -> int:
    """The steps first, as for whoever confirms them, then their messages."""
    given = {"rule_id": rule_id, "kept": kept, "since": now - LONGEST_WAIT}
    waiting = fetch_all(connection, WAITING, tenant_id=tenant_id, **given)
    reasons = [row["reason"] for row in waiting]
    count = withdraw_untold(connection, tenant_id, "select unnest(cast(:given as text[]))", given=reasons, now=now)
    run(connection, PASS, tenant_id=tenant_id, now=now, reasons=reasons,
        ids=[row["enrolment_id"] for row in waiting], steps=[row["step_id"] for row in waiting])  # fmt: skip
    return count


def hold_steps(connection: Connection, tenant_id: TenantId, enrolment_ids: Iterable[int]) -> None:
    """Their rows are locked before those of the outbox, as everywhere."""
    fetch_all(
        connection,
        "select from sop_progress where tenant_id = :tenant_id and enrolment_id = any(:ids) "
        "order by enrolment_id, step_id for update",
        tenant_id=tenant_id,
        ids=sorted(set(enrolment_ids)),
    )


def drop_pending(connection: Connection, tenant_id: TenantId, enrolment_ids: Iterable[int], *, now: datetime) -> None:
    """These ways are over before their end: nothing more is told of them, and nothing of theirs becomes overdue."""
    ids = sorted(set(enrolment_ids))
    if not ids:
        return
    hold_steps(connection, tenant_id, ids)
    withdraw(connection, tenant_id, ids, now=now)
    run(
        connection,
        "update sop_progress set raise_at = null where tenant_id = :tenant_id and enrolment_id = any(:ids) "
        "and raise_at is not null",
        tenant_id=tenant_id,
        ids=ids,
    )


def end_some(
    connection: Connection, tenant_id: TenantId, enrolment_ids: Iterable[int], *, why: str, now: datetime
) -> list[int]:
    """End those of these enrolments that run; which."""
    rows = fetch_all(
        connection,
        "update sop_enrolment set state = 'ended', ended_at = :now, ended_why = :why, next_at = null, "
        "next_step_id = null where tenant_id = :tenant_id and id = any(:ids) and state = 'running' returning id",
        tenant_id=tenant_id,
        ids=sorted(set(enrolment_ids)),
        why=why,
        now=now,
    )
    ended = [row["id"] for row in rows]
    drop_pending(connection, tenant_id, ended, now=now)
    return ended


def end_of_deleted(connection: Connection, *, now: datetime, limit: int = PAGE) -> int:
    """End a page of those whose rule was deleted; how many."""
    rows = fetch_all(
        connection,
        "select e.tenant_id, e.id from sop_rule r cross join lateral (select e.tenant_id, e.id from sop_enrolment e "
        "where e.tenant_id = r.tenant_id and e.rule_id = r.id and e.state = 'running' order by e.id limit :limit) e "
        "where r.deleted_at is not null limit :limit",
        limit=limit,
    )
    found: dict[TenantId, list[int]] = {}
    for row in rows:
        found.setdefault(TenantId(row["tenant_id"]), []).append(row["id"])
    for tenant_id, ids in sorted(found.items()):
        end_some(connection, tenant_id, ids, why="rule_deleted", now=now)
    return len(rows)
