"""Who is and was in chats, who is in several, and how many came and went (GRP-5, GRP-7)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from services.chats.model import Day
from services.chats.plan import fill_days
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId
from shared.tenants import Tenant

SHOWN_CHATS = 20
NAMES = (
    "left join external_contact e on e.tenant_id = m.tenant_id and e.external_userid = m.member_id "
    "and m.kind = 'customer' "
    "left join associate a on a.tenant_id = m.tenant_id and a.userid = m.member_id and m.kind = 'associate'"
)
STAY = (
    "m.chat_id, m.member_id, m.number, m.kind, coalesce(e.name, a.name, m.name) as name, m.nickname, e.customer_id, "
    "m.joined_at, m.join_scene as scene, m.invitor as inviter, m.left_at, m.quit_scene as left_scene"
)


def list_members(
    connection: Connection,
    tenant_id: TenantId,
    chat_id: str,
    *,
    present: bool | None,
    kind: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int,
) -> Sequence[Row]:
    """Stays in a chat, by member. `present`: those that last, those that are over, or (None) both."""
    after_id, after_number = after or ("", 0)
    return fetch_all(
        connection,
        f"select {STAY} from group_member m {NAMES} "  # noqa: S608 - constants
        "where m.tenant_id = :tenant_id and m.chat_id = :chat_id "
        "and (cast(:present as boolean) is null or (m.left_at is null) = :present) "
        "and (cast(:kind as text) is null or m.kind = :kind) and (m.member_id, m.number) > (:after_id, :after_number) "
        "order by m.member_id, m.number limit :limit",
        tenant_id=tenant_id,
        chat_id=chat_id,
        present=present,
        kind=kind,
        after_id=after_id,
        after_number=after_number,
        limit=limit,
    )


def list_several(
    connection: Connection, tenant_id: TenantId, *, least: int, after: str = "", limit: int
) -> Sequence[Row]:
    """People from outside who are in so many chats at once, in the order of their ids.

    One walk along an index that ends when the page is full: nothing is sorted or kept.
    """
    return fetch_all(
        connection,
        "with page as (select m.tenant_id, m.member_id, count(*) as n, array_agg(m.chat_id order by m.chat_id) as ids, "
        "'customer' as kind from group_member m where m.tenant_id = :tenant_id and m.left_at is null "
        "and m.kind = 'customer' and m.member_id > :after group by m.tenant_id, m.member_id having count(*) >= :least "
        "order by m.tenant_id, m.member_id limit :limit) "
        "select m.member_id as external_userid, coalesce(e.name, (select g.name from group_member g where "
        "g.tenant_id = m.tenant_id and g.member_id = m.member_id and g.chat_id = m.ids[1] and g.left_at is null)) "
        "as name, e.customer_id, m.n as chat_count, m.ids[1:cast(:shown as integer)] as chat_ids from page m "
        "left join external_contact e on e.tenant_id = m.tenant_id and e.external_userid = m.member_id "
        "order by m.member_id",
        tenant_id=tenant_id,
        least=least,
        after=after,
        limit=limit,
        shown=SHOWN_CHATS,
    )


def load_trend(
    connection: Connection, tenant: Tenant, chat_id: str, *, since: date, until: date, member_count: int
) -> list[Day]:
    """Each day of the range. `member_count`: how many are in the chat now."""
    rows = fetch_all(
        connection,
        "(select day, joined_count, left_count, member_count from group_day where tenant_id = :tenant_id "
        "and chat_id = :chat_id and day < :since order by day desc limit 1) union all "
        "(select day, joined_count, left_count, member_count from group_day where tenant_id = :tenant_id "
        "and chat_id = :chat_id and day >= :since and day <= greatest(cast(:until as date), (select min(day) "
        "from group_day where tenant_id = :tenant_id and chat_id = :chat_id and day >= :since))) order by day",
        tenant_id=tenant.id,
        chat_id=chat_id,
        since=since,
        until=until,
    )
    known = [Day(**row) for row in rows]
    return fill_days(known, since=since, until=until, member_count=member_count)
