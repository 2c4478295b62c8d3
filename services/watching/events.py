"""Events of chats whose reminder is due: each is taken with what is told of it, in one commit (GRP-6).

Who owns the chats is looked at now; who has become an owner since the event was planned hears of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.watching.model import ChatEventDue
from services.watching.plan import event_is_over
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId, UserId

MOST = 100
"""Events of one transaction."""

TAKE = """
with due as (
  select tenant_id, id from chat_event where tenant_id = :tenant_id and remind_at <= :now and cancelled_at is null
  order by remind_at, id limit :limit for update skip locked),
taken as (
  update chat_event e set remind_at = null from due d where e.tenant_id = d.tenant_id and e.id = d.id
  returning e.tenant_id, e.id, e.starts_at)
select t.id, t.starts_at, c.owner_userid, count(c.chat_id) as chat_count, min(c.chat_id) as chat_id
from taken t left join (chat_event_chat x join group_chat c on c.tenant_id = x.tenant_id and c.chat_id = x.chat_id
  and c.dismissed_at is null and c.owner_userid <> '') on x.tenant_id = t.tenant_id and x.event_id = t.id
group by 1, 2, 3 order by 1, 3
"""


def tenants_with_events(connection: Connection, *, now: datetime) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select distinct e.tenant_id from chat_event e join tenant t on t.id = e.tenant_id and t.state = 'live' "
        "where e.remind_at <= :now and e.cancelled_at is null order by 1",
        now=now,
    )
    return [TenantId(row["tenant_id"]) for row in rows]


def take_events(
    connection: Connection, tenant_id: TenantId, *, limit: int = MOST, now: datetime
) -> tuple[int, list[ChatEventDue]]:
    """How many events were taken, and one fact for each of them and owner; none for what has begun long ago."""
    rows = fetch_all(connection, TAKE, tenant_id=tenant_id, limit=limit, now=now)
    by_event: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_event[row["id"]].append(row)
    return len(by_event), [fact for one in by_event.values() for fact in _facts(one, now=now)]


def _facts(rows: Sequence[Row], *, now: datetime) -> list[ChatEventDue]:
    if event_is_over(rows[0]["starts_at"], now=now):
        return []
    return [
        ChatEventDue(
            occurred_at=now,
            event_id=row["id"],
            userid=UserId(row["owner_userid"]),
            chat_id=row["chat_id"] if row["chat_count"] == 1 else None,
            chat_count=row["chat_count"],
            starts_at=row["starts_at"].isoformat(),
        )
        for row in rows
        if row["owner_userid"] is not None
    ]
