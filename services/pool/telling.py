"""What associates are told of what they were given: one message for all within some seconds (POOL-7).

Whoever is still being given more by a batch or a bulk change waits for its end; of a bulk change not for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.planning import Cause
from services.pool.model import PoolCustomersGiven
from shared.db.engine import fetch_all
from shared.ids import CustomerId, TenantId, UserId

LONGEST = timedelta(seconds=40)
"""So long after the first, what a bulk change has given is told though it goes on: within a minute."""
MOST = 500
"""Associates told in one transaction."""

RIPE = """
with running as (select id from pool_batch where tenant_id = :tenant_id and state = 'running'),
  ripe as (select userid from pool_given where tenant_id = :tenant_id group by userid
    having min(at) <= :before and bool_and(batch_id is null or batch_id not in (select id from running))
      and (min(at) <= :longest or not :more_to_come
        or bool_and(coalesce(caused_by, '') not like 'bulk_change:%'))
    order by userid limit :limit),
  mine as (select g.tenant_id, g.id from pool_given g join ripe using (userid) where g.tenant_id = :tenant_id
    order by g.id for update of g skip locked),
  taken as (delete from pool_given g using mine m where g.tenant_id = m.tenant_id and g.id = m.id returning g.*)
select userid, sum(count)::bigint as count, min(customer_id) as customer_id, min(cause) as cause,
  min(caused_by) as caused_by, min(at) as since, max(at) as until from taken group by userid order by userid
"""


@dataclass(frozen=True)
class Telling:
    """A fact with its cause: that of the first of several."""

    fact: PoolCustomersGiven
    cause: Cause
    caused_by: str | None


def tenants_to_tell(connection: Connection, *, after: timedelta, now: datetime) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select t.id from tenant t where t.state <> 'suspended' and exists (select from pool_given g "
        "where g.tenant_id = t.id and g.at <= :before) order by t.id",
        before=now - after,
    )
    return [TenantId(row["id"]) for row in rows]


def tell_given(
    connection: Connection, tenant_id: TenantId, *, after: timedelta, now: datetime, more_to_come: bool = False
) -> Sequence[Telling]:
    """Take what has waited for `after`, of associates to whom no running batch gives any more.

    `more_to_come`: a bulk change runs that gives out of the pool.
    """
    rows = fetch_all(
        connection,
        RIPE,
        tenant_id=tenant_id,
        before=now - after,
        longest=now - max(after, LONGEST),
        more_to_come=more_to_come,
        limit=MOST,
    )
    return [
        Telling(
            PoolCustomersGiven(
                occurred_at=now,
                userid=UserId(row["userid"]),
                count=row["count"],
                customer_id=CustomerId(row["customer_id"]) if row["count"] == 1 else None,
                since=row["since"].isoformat(),
                until=row["until"].isoformat(),
            ),
            "api" if row["cause"] == "import" else row["cause"],
            row["caused_by"],
        )
        for row in rows
    ]
