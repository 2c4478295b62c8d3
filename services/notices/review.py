"""What waits follows changed settings: moved to the new end of quiet hours, or withdrawn when its kind is off.

Page by page in the order of ids, each one commit with how far it came; whoever asks again begins anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from services.notices.off import switched_off
from services.reminders.model import Policy
from services.reminders.plan import moved_to
from services.reminders.store import load_policy
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import OutboxId, TenantId, UserId
from shared.outbox import ROBOT, WECOM
from shared.tenants import Tenant

PAGE = 2_000
WAITING = """
select o.id, o.notice, o.recipient, o.urgent or o.channel <> :wecom as urgent, o.apart_s, o.attempts, o.meant_at,
  coalesce(o.first_fair_at, o.created_at) as fair_at
from outbox o
where o.tenant_id = :tenant_id and o.id > :reached and o.state in ('due', 'queued') and o.channel <> 'webhook'
  and o.channel = any(:channels) and o.first_unknown_at is null
  and :recipient in ('', o.recipient) and :notice in ('', o.notice)
order by o.id limit :page for update of o
"""
"""In the order of ids, as whoever folds or withdraws locks them. What was tried without an answer keeps its next try:
whoever is about to make it asks whether it is switched off.
"""
MOVE = """
update outbox set lease_until = null, next_try_at = cast(:at as timestamptz), first_fair_at = cast(:at as timestamptz),
  expires_at = case when expires_at = true_until then true_until
    else least(expires_at + (cast(:at as timestamptz) - coalesce(first_fair_at, created_at)), true_until) end
where tenant_id = :tenant_id and id = any(:ids)
"""
"""What was cut at the end of its use holds until then: how much of its time is left beyond that is not known."""


def tenants_to_review(connection: Connection) -> list[TenantId]:
    rows = fetch_all(connection, "select distinct tenant_id from reminder_review order by 1")
    return [TenantId(row["tenant_id"]) for row in rows]


def review_page(connection: Connection, tenant: Tenant, *, now: datetime, page: int = PAGE) -> int:
    """Look at the next rows of one review; 0 when there is none, or somebody else has them all in hand."""
    asked = fetch_one(
        connection,
        "select recipient, notice, reached from reminder_review where tenant_id = :tenant_id "
        "order by recipient, notice limit 1 for update skip locked",
        tenant_id=tenant.id,
    )
    if asked is None:
        return 0
    rows = fetch_all(connection, WAITING, tenant_id=tenant.id, channels=[WECOM, ROBOT], wecom=WECOM, page=page, **asked)
    policy = load_policy(connection, tenant.id)
    off = switched_off(connection, tenant.id, {OutboxId(row["id"]): row["notice"] for row in rows}, policy)
    _withdraw(connection, tenant.id, off, now=now)
    for at, ids in _moves((row for row in rows if row["id"] not in off), policy, tenant.timezone, now=now).items():
        run(connection, MOVE, tenant_id=tenant.id, at=at, ids=ids)
    key = {"tenant_id": tenant.id, "recipient": asked["recipient"], "notice": asked["notice"]}
    where = "where tenant_id = :tenant_id and recipient = :recipient and notice = :notice"
    if len(rows) < page:
        run(connection, f"delete from reminder_review {where}", **key)  # noqa: S608 - constants
    else:
        run(connection, f"update reminder_review set reached = :reached {where}", reached=rows[-1]["id"], **key)  # noqa: S608
    return 1


def _withdraw(connection: Connection, tenant_id: TenantId, ids: Iterable[int], *, now: datetime) -> None:
    run(
        connection,
        "update outbox set state = 'withdrawn', settled_at = :now, lease_until = null "
        "where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted(ids),
        now=now,
    )


def _moves(rows: Iterable[Row], policy: Policy, timezone: str, *, now: datetime) -> Mapping[datetime, list[int]]:
    """Those that go out at another time, by that. What was tried waits for its next try."""
    found: dict[datetime, list[int]] = defaultdict(list)
    for row in rows:
        if row["urgent"] or row["attempts"] or row["meant_at"] is None:
            continue
        at = moved_to(
            row["fair_at"],
            now=now,
            meant_at=row["meant_at"],
            apart_s=row["apart_s"],
            quiet=policy.quiet_of(UserId(row["recipient"])),
            timezone=timezone,
        )
        if at is not None:
            found[at].append(row["id"])
    return found
