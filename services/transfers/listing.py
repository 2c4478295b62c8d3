"""What operators look at: handovers with where they stand, and what leavers have left behind. Ids and codes only."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.transfers.model import Stage
from services.transfers.store import load_transfers, record_stages
from shared.db.engine import Row, fetch_all, fetch_one
from shared.ids import TenantId, UserId

COLUMNS = (
    "id, kind, subject_key, from_userid, to_userid, departed, author, source, reason, state, stage, attempts, code, "
    "why, asked_at, sent_at, accepted_at, effect_at, ended_at, "
    "case when state in ('pending', 'sent') then next_poll_at end as next_poll_at"
)
"""Without the message to the customer: it is encrypted."""
OPEN = (Stage.QUEUED, Stage.ASKED, Stage.WAITING)


def list_transfers(
    connection: Connection,
    tenant_id: TenantId,
    *,
    stages: Sequence[Stage],
    from_userid: str | None = None,
    to_userid: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[Row]:
    """Handovers in these stages, newest first; `before` is the id of the last one of the page before."""
    return fetch_all(
        connection,
        f"select {COLUMNS} from transfer where tenant_id = :tenant_id and stage = any(:stages) "  # noqa: S608 - constant
        "and (cast(:from_userid as text) is null or from_userid = :from_userid) "
        "and (cast(:to_userid as text) is null or to_userid = :to_userid) "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant_id,
        stages=[one.value for one in stages],
        from_userid=from_userid,
        to_userid=to_userid,
        before=before,
        limit=limit,
    )


def load_row(connection: Connection, tenant_id: TenantId, transfer_id: int) -> Row | None:
    return fetch_one(
        connection,
        f"select {COLUMNS} from transfer where tenant_id = :tenant_id and id = :id",  # noqa: S608 - constant
        tenant_id=tenant_id,
        id=transfer_id,
    )


def count_open(connection: Connection, tenant_id: TenantId) -> dict[Stage, int]:
    """How many handovers have not come to their end, by stage."""
    rows = fetch_all(
        connection,
        "select stage, count(*) as n from transfer where tenant_id = :tenant_id and state in ('pending', 'sent') "
        "group by 1",
        tenant_id=tenant_id,
    )
    return {Stage(row["stage"]): row["n"] for row in rows}


def list_leavers(connection: Connection, tenant_id: TenantId) -> Sequence[Row]:
    """Associates who left something behind: userid, left_at, until (when it can be handed over), customers, chats, and
    how many of these are under way.

    A customer whom somebody took over is left behind no longer (TRF-2).
    """
    return fetch_all(
        connection,
        "with customers as (select r.userid, max(r.ended_at) as left_at, count(*) as n, count(t.id) as under_way "
        "from relation r left join transfer t on t.tenant_id = r.tenant_id and t.kind = 'customer' "
        "and t.subject_key = r.external_userid and t.from_userid = r.userid and t.state in ('pending', 'sent') "
        "where r.tenant_id = :tenant_id and r.state = 'associate_left' group by 1), "
        "chats as (select c.owner_userid as userid, count(*) as n, count(t.id) as under_way from group_chat c "
        "left join associate a on a.tenant_id = c.tenant_id and a.userid = c.owner_userid "
        "left join transfer t on t.tenant_id = c.tenant_id and t.kind = 'chat' and t.subject_key = c.chat_id "
        "and t.state in ('pending', 'sent') where c.tenant_id = :tenant_id and c.dismissed_at is null "
        "and (c.status = 1 or a.gone_at is not null) group by 1) "
        "select coalesce(r.userid, c.userid) as userid, coalesce(a.gone_at, r.left_at) as left_at, "
        "coalesce(a.gone_at, r.left_at) + interval '365 days' as until, "
        "coalesce(r.n, 0) as customers, coalesce(c.n, 0) as chats, "
        "coalesce(r.under_way, 0) + coalesce(c.under_way, 0) as under_way "
        "from customers r full join chats c on c.userid = r.userid left join associate a on a.tenant_id = :tenant_id "
        "and a.userid = coalesce(r.userid, c.userid) order by 2 desc nulls last, 1",
        tenant_id=tenant_id,
    )


def list_left_behind(
    connection: Connection, tenant_id: TenantId, userid: UserId, *, after: str = "", limit: int = 1000
) -> Sequence[Row]:
    """One leaver's customers and chats without a new owner, by (kind, key); `after` is "kind/key" of the last one."""
    return fetch_all(
        connection,
        "select l.kind, l.subject_key, t.id as transfer_id, t.stage, t.to_userid from ("
        "select 'customer' as kind, external_userid as subject_key from relation where tenant_id = :tenant_id "
        "and userid = :userid and state = 'associate_left' union all select 'chat', c.chat_id from group_chat c "
        "left join associate a on a.tenant_id = c.tenant_id and a.userid = c.owner_userid "
        "where c.tenant_id = :tenant_id and c.owner_userid = :userid and c.dismissed_at is null "
        "and (c.status = 1 or a.gone_at is not null)) l left join transfer t on t.tenant_id = :tenant_id "
        "and t.kind = l.kind and t.subject_key = l.subject_key and t.from_userid = :userid "
        "and t.state in ('pending', 'sent') where l.kind || '/' || l.subject_key > :after "
        "order by l.kind || '/' || l.subject_key limit :limit",
        tenant_id=tenant_id,
        userid=userid,
        after=after,
        limit=limit,
    )


def friends_of(connection: Connection, tenant_id: TenantId, userid: UserId, *, after: str, limit: int) -> list[str]:
    """The customers of an associate in service, by id; `after` is the last one of the page before."""
    rows = fetch_all(
        connection,
        "select external_userid from relation where tenant_id = :tenant_id and userid = :userid and state = 'active' "
        "and external_userid > :after order by external_userid limit :limit",
        tenant_id=tenant_id,
        userid=userid,
        after=after,
        limit=limit,
    )
    return [row["external_userid"] for row in rows]


def withdraw(connection: Connection, tenant_id: TenantId, ids: Sequence[int], *, at: datetime) -> list[int]:
    """End handovers that WeCom has not been asked for, and record it; which."""
    rows = fetch_all(
        connection,
        "update transfer set state = 'superseded', stage = 'withdrawn', ended_at = :at where tenant_id = :tenant_id "
        "and id = any(:ids) and stage = 'queued' and attempts = 0 returning id",
        tenant_id=tenant_id,
        ids=list(ids),
        at=at,
    )
    ended = [row["id"] for row in rows]
    record_stages(connection, tenant_id, load_transfers(connection, tenant_id, ended), now=at)
    return ended
