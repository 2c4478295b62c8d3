"""Notices whose recipient cannot be reached go to somebody else, once: their superior, else the administrators.

What a group robot cannot say any more goes to the administrators whom it spoke for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.reminders.plan import instead_of
from services.reminders.store import load_policy, superiors_of
from services.robots.model import is_robot
from shared.db.engine import fetch_one, run
from shared.ids import OutboxId, TenantId, UserId
from shared.userids import current_userid

ITS = "o.tenant_id = :tenant_id and (o.id = :id or o.folded_into = :id)"
KEY = "regexp_replace(o.natural_key, ':(wecom|robot):.*$', '') || ':wecom:'"
"""The first row's key without its recipient, who may have another userid since, as of a person's."""
HEARS = f"""
  n.tenant_id = o.tenant_id and n.fact_id = o.fact_id and n.notice = o.notice and n.channel = 'wecom'
  and {current_userid("n.recipient", at="coalesce(n.settled_at, n.created_at)", tenant_id="n.tenant_id")} = u.userid
"""
"""Whoever was told of the same already, also under an earlier userid, is not told again, so that a notice comes to
nobody twice and never goes round in circles.
"""

PASS_ON = f"""
insert into outbox (tenant_id, natural_key, fact_id, notice, channel, recipient, causes, state, next_try_at,
  first_fair_at, meant_at, gathers_until, true_until, created_at, expires_at, about, reason, urgent, apart_s)
select o.tenant_id, {KEY} || u.userid, o.fact_id, o.notice, 'wecom', u.userid, o.causes, 'due',
  greatest(:now, :now + (o.gathers_until - o.meant_at)), :now, :now, :now + (o.gathers_until - o.meant_at),
  o.true_until, :now, least(:now + (o.expires_at - coalesce(o.first_fair_at, o.created_at)), o.true_until),
  case o.channel when 'robot' then o.about else coalesce(o.about, o.recipient) end, o.reason, o.urgent, o.apart_s
from outbox o cross join unnest(cast(:userids as text[])) u(userid) where {ITS} and o.recall is null
  and (o.true_until is null or o.true_until > :now) and not exists (select from outbox n where {HEARS})
order by o.id, u.userid on conflict (tenant_id, natural_key) do nothing
"""  # noqa: S608
"""It gathers as long as it did for its recipient: it goes with what comes of its kind, and tears no burst in two."""
REACHED = f"""
select exists (select from outbox o cross join unnest(cast(:userids as text[])) u(userid)
  join outbox n on {HEARS}
  where {ITS} and n.state not in ('refused', 'dead', 'expired', 'withdrawn')) as reached
"""  # noqa: S608


def pass_on(connection: Connection, tenant_id: TenantId, refused: OutboxId, *, now: datetime) -> int:
    """The number of rows made, for all that the refused message would have told; in the commit of its refusal."""
    row = fetch_one(
        connection,
        f"select o.recipient, o.about from outbox o where {ITS} and o.id = :id",  # noqa: S608
        tenant_id=tenant_id,
        id=refused,
    )
    if row is None:
        return 0
    policy, recipient = load_policy(connection, tenant_id), UserId(row["recipient"])
    superiors = superiors_of(connection, tenant_id, [recipient]) if policy.undeliverable == "superior" else {}
    if is_robot(recipient):  # it spoke in administrators' place: they are who was to hear of it
        policy = replace(policy, undeliverable="administrators")
    for group in instead_of(recipient, row["about"], policy, superiors):
        made = _tell(connection, tenant_id, refused, group, now=now)
        if made or _reached(connection, tenant_id, refused, group):
            return made
    return 0


def _tell(
    connection: Connection, tenant_id: TenantId, refused: OutboxId, userids: Sequence[UserId], *, now: datetime
) -> int:
    return run(connection, PASS_ON, tenant_id=tenant_id, id=refused, userids=list(userids), now=now)


def _reached(connection: Connection, tenant_id: TenantId, refused: OutboxId, userids: Sequence[UserId]) -> bool:
    """Whether one of them hears, or has heard, of it in another way."""
    row = fetch_one(connection, REACHED, tenant_id=tenant_id, id=refused, userids=list(userids))
    return bool(row and row["reached"])
