"""Losses that became known after the return that followed them: no news any more (LOSS-2)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import RelationLost, State
from shared.db.engine import fetch_all
from shared.ids import TenantId

RETURNED = """
select a.n from unnest(cast(:userids as text[]), cast(:contacts as text[]), cast(:moments as timestamptz[]))
  with ordinality as a(userid, external_userid, lost_at, n)
join relation r on r.tenant_id = :tenant_id and r.external_userid = a.external_userid and r.userid = a.userid
where r.state = :active and r.started_at > a.lost_at
"""


def returned_since(
    connection: Connection, tenant_id: TenantId, losses: Collection[RelationLost]
) -> set[tuple[str, str, datetime]]:
    """(userid, external_userid, time) of those losses after which a friendship began that lasts."""
    if not losses:
        return set()
    asked = list(losses)
    rows = fetch_all(
        connection,
        RETURNED,
        tenant_id=tenant_id,
        userids=[one.userid for one in asked],
        contacts=[one.external_userid for one in asked],
        moments=[one.occurred_at for one in asked],
        active=State.ACTIVE,
    )
    return {key_of(asked[row["n"] - 1]) for row in rows}


def key_of(loss: RelationLost) -> tuple[str, str, datetime]:
    return loss.userid, loss.external_userid, loss.occurred_at
