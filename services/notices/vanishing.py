"""What facts make of notices that wait, or were just sent: taken back, or told to whoever has the customer by now."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import CustomerReassigned, CustomerUnassigned
from services.notices.facing import merged_too
from services.notices.last_word import Told, gone_by, last_word
from services.notices.timely import in_contact
from services.planning import Fact
from services.watching.following import forget_silence
from shared.db.engine import run
from shared.ids import TenantId
from shared.withdrawing import UNTOLD, withdraw

HAND_ON = f"""
with found as materialized (
  select w.id, u.assigned_userid from unnest(cast(:ids as bigint[]), cast(:userids as text[])) g(customer_id, userid)
  join customer u on u.tenant_id = :tenant_id and u.id = g.customer_id
    and u.assigned_userid is distinct from g.userid
  join stage_line l on l.tenant_id = :tenant_id
  cross join lateral (select o.id from outbox o where o.tenant_id = :tenant_id
    and o.reason = concat('stage:', l.id, ':', g.customer_id) and o.recipient = g.userid and o.about is null
    and {UNTOLD} offset 0) w),
mine as (
  select o.id, f.assigned_userid as userid, f.assigned_userid is null or exists (select from outbox n
    where n.tenant_id = o.tenant_id and n.fact_id = o.fact_id and n.notice = o.notice
    and n.recipient = f.assigned_userid) as needless
  from found f join outbox o on o.tenant_id = :tenant_id and o.id = f.id where {UNTOLD} order by o.id for update of o)
update outbox o set
  recipient = case when m.needless then o.recipient else m.userid end,
  body = case when m.needless then o.body end,
  state = case when m.needless then 'withdrawn' else o.state end,
  settled_at = case when m.needless then :now else o.settled_at end,
  lease_until = case when m.needless then null else o.lease_until end
from mine m where o.tenant_id = :tenant_id and o.id = m.id
"""  # noqa: S608
"""Nobody is told who has heard of it, or is to hear of it, in another way."""


def take_back(
    connection: Connection, tenant_id: TenantId, facts: Sequence[Fact], called_for: Sequence[Told], *, now: datetime
) -> list[Told]:
    """In the commit of these facts; what is left of the notices that they call for, had each been alone."""
    _hand_on(connection, tenant_id, facts, now=now)
    gone = gone_by(facts)
    if not gone:
        return list(called_for)
    merged = {was: gone[one] for was, one in merged_too(connection, tenant_id, gone).items()}
    back = withdraw(connection, tenant_id, merged | gone, now=now)
    forget_silence(connection, tenant_id, in_contact(back))
    return last_word(facts, called_for, untold={reason for reason, fresh in back.items() if fresh})


def _hand_on(connection: Connection, tenant_id: TenantId, facts: Sequence[Fact], *, now: datetime) -> None:
    """What waits of stages is whoever's the customer is by now (STG-2, STG-3)."""
    had = {
        (one.customer_id, one.from_userid) for one in facts if isinstance(one, CustomerReassigned | CustomerUnassigned)
    }
    if had:
        ids, userids = zip(*sorted(had), strict=True)
        run(connection, HAND_ON, tenant_id=tenant_id, ids=list(ids), userids=list(userids), now=now)
