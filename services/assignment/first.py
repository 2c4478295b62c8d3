"""Assignment of many customers at once whose friendships all last and began here unseen: the first friend (ASG-1).

The same as plan.py decides for them, as one statement: a first sync has a million of them.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import CustomerAssigned
from shared.db.engine import fetch_all
from shared.ids import ExternalUserId
from shared.tenants import Tenant

ASSIGN = """
with simple as (
    select c.customer_id, c.external_userid
    from external_contact c join customer u on u.tenant_id = c.tenant_id and u.id = c.customer_id
    join relation r on r.tenant_id = c.tenant_id and r.external_userid = c.external_userid
    where c.tenant_id = :tenant_id and c.external_userid = any(:ids)
      and u.assigned_userid is null and u.assignment_changed_at is null
      and not exists (select from assignment_decision d where d.tenant_id = c.tenant_id
        and d.customer_id = c.customer_id)
    group by 1, 2
    having bool_and(r.state = 'active' and r.past = '[]' and r.started_at is not null and r.ended_at is null)),
  first as (
    select distinct on (s.external_userid) s.customer_id, s.external_userid, r.userid, r.started_at
    from simple s join relation r on r.tenant_id = :tenant_id and r.external_userid = s.external_userid
    order by s.external_userid, r.started_at, r.userid collate "C"),
  assigned as (
    update customer u set assigned_userid = f.userid, assigned_at = f.started_at, assignment_changed_at = f.started_at,
      updated_at = greatest(u.updated_at, :now)
    from first f where u.tenant_id = :tenant_id and u.id = f.customer_id),
  history as (
    insert into assignment_change (tenant_id, customer_id, from_userid, to_userid, why, at, by_whom, recorded_at)
    select :tenant_id, customer_id, null, userid, 'first_add', started_at, 'system', :now from first),
  facts as (
    insert into fact (tenant_id, id, type, version, subject_kind, subject_key, occurred_at, recorded_at, cause,
      caused_by, payload)
    select :tenant_id, nextval('fact_id_seq'), :type, :version, :kind, customer_id::text, started_at, :now, :cause,
      :caused_by, jsonb_build_object('customer_id', customer_id, 'external_userid', external_userid,
        'to_userid', userid, 'why', 'first_add')
    from first)
select external_userid from first
"""


def assign_first_friends(
    connection: Connection,
    tenant: Tenant,
    external_userids: Sequence[ExternalUserId],
    *,
    cause: str,
    caused_by: str,
    now: datetime,
) -> set[ExternalUserId]:
    """Assign those of the contacts' customers that are so simple, with history and facts; which contacts."""
    rows = fetch_all(
        connection,
        ASSIGN,
        tenant_id=tenant.id,
        ids=list(external_userids),
        type=CustomerAssigned.TYPE,
        version=CustomerAssigned.VERSION,
        kind=CustomerAssigned.SUBJECT[0],
        cause=cause,
        caused_by=caused_by,
        now=now,
    )
    return {ExternalUserId(row["external_userid"]) for row in rows}
