"""What is left of what associates were given out of the pool, when they are told of it (POOL-7)."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.notices.called import CARRIER, called_now
from services.notices.model import POOL_GIVEN
from shared.db.engine import fetch_all
from shared.ids import OutboxId, TenantId

GIVEN = f"""
select o.id, case when f.payload ->> 'since' is null then cast(f.payload ->> 'count' as bigint)
  else least(cast(f.payload ->> 'count' as bigint), (select count(*) from pool_record p
    where p.tenant_id = o.tenant_id and p.userid = w.userid and p.status = 'assigned'
      and p.status_at >= cast(f.payload ->> 'since' as timestamptz)
      and p.status_at <= coalesce(cast(f.payload ->> 'until' as timestamptz), f.occurred_at))) end as count
from outbox o join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id {CARRIER}
cross join lateral (select coalesce({called_now("o.about")}, {called_now("o.recipient")}) as userid offset 0) w
where o.tenant_id = :tenant_id and o.id = any(:ids) and o.notice = :notice
"""  # noqa: S608


def load_given(connection: Connection, tenant_id: TenantId, ids: Sequence[OutboxId]) -> dict[OutboxId, int]:
    """How many customers each of these notices of the kind tells of: who is still to be added since they were given.

    Who was taken away again, or given anew, or added, or could not be reached is no news any more.
    """
    if not ids:
        return {}
    rows = fetch_all(connection, GIVEN, tenant_id=tenant_id, ids=list(ids), notice=POOL_GIVEN)
    return {OutboxId(row["id"]): int(row["count"]) for row in rows}
