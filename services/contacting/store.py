"""Reads when customers were last in contact, by one look into an index per customer and source."""

from collections.abc import Sequence

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
  order by at desc, source limit 1) l
"""


def last_contacts(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Contacted]:
    """Those of the customers of whom any contact is known."""
    rows = fetch_all(connection, LAST, tenant_id=tenant_id, ids=list(customer_ids))
    return {CustomerId(row["customer_id"]): Contacted(row["at"], Source(row["source"]), row["by_whom"]) for row in rows}
