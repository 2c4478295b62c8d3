"""Reads when customers were last in contact, by one look into an index per customer and source."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.contacting.model import Contacted, Source
from shared.db.engine import fetch_all
from shared.ids import CustomerId, TenantId

LAST = """
select c.id as customer_id, l.at, l.source, l.by_whom from unnest(cast(:ids as bigint[])) as c(id) cross join lateral (
  (select at, 'note' as source, by_whom from customer_note
   where tenant_id = :tenant_id and customer_id = c.id and deleted_at is null order by at desc, id desc limit 1)
  union all
  (select ended_at, 'task', ended_by from customer_task
   where tenant_id = :tenant_id and customer_id = c.id and state = 'done' order by ended_at desc, id desc limit 1)
  union all
  (select occurred_at, case when by_whom is null then 'event' else 'event_by_hand' end, by_whom from customer_event
   where tenant_id = :tenant_id and customer_id = c.id order by occurred_at desc, event_id desc limit 1)
  union all
  (select settled_at, 'sop_step', by_whom from sop_progress
   where tenant_id = :tenant_id and customer_id = c.id and state = 'done' order by settled_at desc limit 1)
  order by at desc, source limit 1) l
"""

# Whose friendship began then counts as well: nobody was in touch with them before. Each table is read from `after`
# on, so that a page far behind costs what the first one does.
LAST_BETWEEN = """
with seen as (
  select customer_id from customer_note
  where tenant_id = :tenant_id and deleted_at is null and at >= :since and at < :until
  union select customer_id from customer_task
  where tenant_id = :tenant_id and state = 'done' and ended_at >= :since and ended_at < :until
  union select customer_id from customer_event
  where tenant_id = :tenant_id and occurred_at >= :since and occurred_at < :until
  union select customer_id from sop_progress
  where tenant_id = :tenant_id and state = 'done' and customer_id is not null and settled_at >= :since
    and settled_at < :until
  union select customer_id from customer_card
  where tenant_id = :tenant_id and last_added_at >= :since and last_added_at < :until)
select s.customer_id from seen s
join customer_card k on k.tenant_id = :tenant_id and k.customer_id = s.customer_id and k.friend_userids <> '{}'
  and k.customer_id > :after
  and (k.last_added_at is null or k.last_added_at < :until)
where s.customer_id > :after
  and not exists (select from customer_note n where n.tenant_id = :tenant_id and n.customer_id = s.customer_id
    and n.deleted_at is null and n.at >= :until and n.customer_id > :after)
  and not exists (select from customer_task t where t.tenant_id = :tenant_id and t.customer_id = s.customer_id
    and t.state = 'done' and t.ended_at >= :until and t.customer_id > :after)
  and not exists (select from customer_event v where v.tenant_id = :tenant_id and v.customer_id = s.customer_id
    and v.occurred_at >= :until and v.customer_id > :after)
  and not exists (select from sop_progress p where p.tenant_id = :tenant_id and p.customer_id = s.customer_id
    and p.state = 'done' and p.settled_at >= :until and p.customer_id > :after)
order by 1 limit :limit
"""


def last_contacts(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Contacted]:
    """Those of the customers of whom any contact is known."""
    rows = fetch_all(connection, LAST, tenant_id=tenant_id, ids=list(customer_ids))
    return {CustomerId(row["customer_id"]): Contacted(row["at"], Source(row["source"]), row["by_whom"]) for row in rows}


def contacted_last_between(
    connection: Connection, tenant_id: TenantId, since: datetime, until: datetime, *, after: int, limit: int
) -> list[CustomerId]:
    """Friends whose last contact, or whose friendship's beginning, lies in that time: `since` <= it < `until`.

    A page of them in the order of ids, those above `after`.
    """
    rows = fetch_all(connection, LAST_BETWEEN, tenant_id=tenant_id, since=since, until=until, after=after, limit=limit)
    return [CustomerId(row["customer_id"]) for row in rows]
