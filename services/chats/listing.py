"""Pages of chats, by keyset, in any of the orders (GRP-2, GRP-4)."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.chats.filtering import NAME_KEY, SOURCE, conditions_of
from services.chats.model import (
    ChatIds,
    ChatRefusedError,
    ChatsAfter,
    Chosen,
    NoSuchChatError,
    Sort,
)
from shared.audit import Change
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

CHAT = "group_chat"
ORDERS: dict[Sort, tuple[str, str]] = {
    Sort.CREATED: ("coalesce(c.created_at, '-infinity')", "timestamptz"),
    Sort.MEMBERS: ("c.member_count", "bigint"),
    Sort.JOINED_TODAY: ("coalesce(d.joined_count, 0)", "bigint"),
    Sort.LEFT_TODAY: ("coalesce(d.left_count, 0)", "bigint"),
    Sort.NAME: (f'{NAME_KEY} collate "C"', "text"),
}
"""What is compared, and its type; ids of chats decide where it is the same."""
KINDS: dict[Sort, type] = {
    Sort.CREATED: datetime,
    Sort.MEMBERS: int,
    Sort.JOINED_TODAY: int,
    Sort.LEFT_TODAY: int,
    Sort.NAME: str,
}
_DAY = "left join group_day d on d.tenant_id = c.tenant_id and d.chat_id = c.chat_id and d.day = :today"
# Only the page's rows are looked up in full: PostgreSQL leaves out of the page what neither filter nor order asks for.
_WHOLE = (
    "select p.sort_value, c.chat_id, c.name, c.owner_userid, c.member_count, c.created_at, c.dismissed_at, "  # noqa: S608
    "c.out_of_sight_at, "
    "c.observed_at, o.description, coalesce(o.folder_id, 0) as folder_id, f.name as folder_name, "
    "coalesce(d.joined_count, 0) as joined_today, coalesce(d.left_count, 0) as left_today, "
    "a.name as owner_name, a.main_department_id as outlet_id, w.name as outlet_name, "
    "(select array_agg(t.tag_id order by t.tag_id) from chat_tag t where t.tenant_id = c.tenant_id "
    "and t.chat_id = c.chat_id) as tag_ids "
    "from page p join group_chat c on c.tenant_id = :tenant_id and c.chat_id = p.chat_id "
    f"left join chat_own o on o.tenant_id = c.tenant_id and o.chat_id = c.chat_id {_DAY} "
    "left join associate a on a.tenant_id = c.tenant_id and a.userid = c.owner_userid "
    "left join outlet w on w.tenant_id = c.tenant_id and w.department_id = a.main_department_id "
    "left join chat_folder f on f.tenant_id = c.tenant_id and f.id = o.folder_id"
)


def today_of(tenant: Tenant, now: datetime) -> date:
    return now.astimezone(ZoneInfo(tenant.timezone)).date()


def list_chats(
    connection: Connection,
    tenant: Tenant,
    chosen: Chosen,
    *,
    sort: Sort = Sort.CREATED,
    ascending: bool = False,
    after: ChatsAfter | None = None,
    limit: int,
    today: date,
) -> Sequence[Row]:
    """One page: the chat, owner, outlet, folder, tag_ids, and `sort_value`, which the next page goes on from."""
    conditions, (key, kind) = conditions_of(chosen), ORDERS[sort]
    direction, sign = ("asc", ">") if ascending else ("desc", "<")
    parameters = {**conditions.parameters, "tenant_id": tenant.id, "today": today, "limit": limit}
    keyed = ""
    if after is not None:
        unset = "'-infinity'" if sort is Sort.CREATED else "null"
        keyed = f" and ({key}, c.chat_id) {sign} (coalesce(cast(:after as {kind}), {unset}), :after_id)"
        parameters |= {"after": after.value, "after_id": after.chat_id}
    value = "c.created_at" if sort is Sort.CREATED else key
    return fetch_all(
        connection,
        f"with page as (select c.chat_id, {value} as sort_value from {SOURCE} {_DAY} "  # noqa: S608 - constants
        f"where {conditions.sql}{keyed} order by {key} {direction}, c.chat_id {direction} limit :limit) "
        f"{_WHOLE} order by coalesce(p.sort_value, {_least(kind)}) {direction}, p.chat_id {direction}",
        **parameters,
    )


def _least(kind: str) -> str:
    return {"timestamptz": "'-infinity'", "bigint": "0", "text": "''"}[kind]


def count_chats(connection: Connection, tenant_id: TenantId, chosen: Chosen) -> int:
    conditions = conditions_of(chosen)
    row = fetch_one(
        connection,
        f"select count(*) as n from {SOURCE} where {conditions.sql}",  # noqa: S608 - constants
        tenant_id=tenant_id,
        **conditions.parameters,
    )
    return int(row["n"]) if row else 0


def load_chat(connection: Connection, tenant: Tenant, chat_id: str, *, today: date) -> Row:
    """
    Raises:
        NoSuchChatError: this corp has none of this id.
    """
    found = list_chats(connection, tenant, ChatIds([chat_id]), limit=1, today=today)
    if not found:
        raise NoSuchChatError("no such chat")
    return found[0]


def check_known(connection: Connection, tenant_id: TenantId, chat_ids: Sequence[str], *, lasting: bool = False) -> None:
    """
    Raises:
        NoSuchChatError: one of them is of no chat.
        ChatRefusedError: with `lasting`, one of them is dismissed.
    """
    rows = fetch_all(
        connection,
        "select chat_id, dismissed_at from group_chat where tenant_id = :tenant_id and chat_id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(chat_ids),
    )
    if unknown := len(set(chat_ids) - {row["chat_id"] for row in rows}):
        raise NoSuchChatError(f"{unknown} of the chats are not known")
    if lasting and (over := sum(row["dismissed_at"] is not None for row in rows)):
        raise ChatRefusedError(f"{over} of the chats are dismissed")


def describe_chat(connection: Connection, tenant_id: TenantId, chat_id: str, description: str | None) -> Change:
    """Set the description of our own; WeCom never sees it.

    Raises:
        NoSuchChatError: nothing was written.
    """
    check_known(connection, tenant_id, [chat_id])
    before = fetch_one(
        connection,
        "select description from chat_own where tenant_id = :tenant_id and chat_id = :chat_id",
        tenant_id=tenant_id,
        chat_id=chat_id,
    )
    run(
        connection,
        "insert into chat_own as x (tenant_id, chat_id, description) values (:tenant_id, :chat_id, :description) "
        "on conflict (tenant_id, chat_id) do update set description = excluded.description",
        tenant_id=tenant_id,
        chat_id=chat_id,
        description=description or None,
    )
    old = {"description": before["description"] if before else None}
    return Change("chat.described", CHAT, chat_id, old, {"description": description or None})
