"""Chats and their members as lines of CSV files, a page at a time; times are the corp's (GRP-7)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.chats.filtering import SOURCE, conditions_of
from services.chats.folders import name_of_ungrouped
from services.chats.listing import list_chats, today_of
from services.chats.members import NAMES, STAY
from services.chats.model import ChatsAfter, Chosen, Sort
from services.chats.tags import names_of_tags
from shared.csv_sheets import CsvSheet, Titles, Words
from shared.db.engine import Row, fetch_all
from shared.tenants import Tenant

PAGE = 2000
CHATS: Titles = {
    "chat_id": ("群ID", "chat id"),
    "name": ("群名称", "name"),
    "description": ("群描述", "description"),
    "folder_name": ("文件夹", "folder"),
    "tags": ("标签", "tags"),
    "owner_userid": ("群主账号", "owner's userid"),
    "owner_name": ("群主", "owner"),
    "outlet_name": ("群主门店", "owner's outlet"),
    "member_count": ("群人数", "members"),
    "joined_today": ("今日入群", "joined today"),
    "left_today": ("今日退群", "left today"),
    "created_at": ("创建时间", "created"),
    "dismissed_at": ("解散时间", "dismissed"),
}
MEMBERS: Titles = {
    "chat_id": ("群ID", "chat id"),
    "chat_name": ("群名称", "chat"),
    "member_id": ("成员ID", "member id"),
    "kind": ("成员类型", "kind"),
    "name": ("姓名", "name"),
    "nickname": ("群昵称", "nickname"),
    "customer_id": ("客户ID", "customer id"),
    "joined_at": ("入群时间", "joined"),
    "scene": ("入群方式", "joined by"),
    "inviter": ("邀请人", "inviter"),
    "left_at": ("退群时间", "left"),
    "left_scene": ("退群方式", "left by"),
}
WORDS: Words = {
    "kind": {"customer": ("客户", "customer"), "associate": ("员工", "associate")},
    "scene": {
        0: ("邀请或链接", "invitation or link"),
        1: ("直接邀请", "invitation"),
        2: ("邀请链接", "link"),
        3: ("群二维码", "QR code"),
    },
    "left_scene": {0: ("自己退群", "left"), 1: ("被移出", "removed")},
}


def _sheet(tenant: Tenant, titles: Titles) -> CsvSheet:
    return CsvSheet(titles, WORDS, language=tenant.language, timezone=tenant.timezone)


def chat_lines(
    connection: Connection, tenant: Tenant, chosen: Chosen, *, after: ChatsAfter | None, now: datetime
) -> tuple[bytes, ChatsAfter | None]:
    """The next lines, and where to go on; None: these were the last. The first ones have the titles before them."""
    today = after.day if after else today_of(tenant, now)
    rows = list_chats(connection, tenant, chosen, sort=Sort.CREATED, after=after, limit=PAGE, today=today)
    tags = names_of_tags(connection, tenant.id, sorted({one for row in rows for one in row["tag_ids"] or ()}))
    shown = [
        {
            **row,
            "folder_name": row["folder_name"] or name_of_ungrouped(tenant),
            "tags": "; ".join(tags[one] for one in row["tag_ids"] or () if one in tags),
        }
        for row in rows
    ]
    lines = _sheet(tenant, CHATS).lines(shown, first=after is None)
    last = ChatsAfter(today, rows[-1]["sort_value"], rows[-1]["chat_id"]) if len(rows) == PAGE else None
    return lines, last


Place = tuple[str, str, int]
"""Chat, member, number of the stay."""


def member_lines(
    connection: Connection,
    tenant: Tenant,
    chosen: Chosen,
    *,
    after: Place | None,
    hide: Callable[[str], str] | None = None,
) -> tuple[bytes, Place | None]:
    """The next stays in the chats chosen, and where to go on; None: these were the last.

    `hide`: masks what people call themselves, for those who may not read it (ACC-3).
    """
    conditions = conditions_of(chosen)
    chat_id, member_id, number = after or ("", "", 0)
    rows: Sequence[Row] = fetch_all(
        connection,
        f"select {STAY}, c.name as chat_name from {SOURCE} "  # noqa: S608 - constants
        f"join group_member m on m.tenant_id = c.tenant_id and m.chat_id = c.chat_id {NAMES} "
        f"where {conditions.sql} and (m.chat_id, m.member_id, m.number) > (:chat_id, :member_id, :number) "
        "order by m.chat_id, m.member_id, m.number limit :limit",
        tenant_id=tenant.id,
        chat_id=chat_id,
        member_id=member_id,
        number=number,
        limit=PAGE,
        **conditions.parameters,
    )
    shown = [dict(row) | {n: hide(row[n]) for n in ("name", "nickname") if row[n]} for row in rows] if hide else rows
    lines = _sheet(tenant, MEMBERS).lines(shown, first=after is None)
    last = rows[-1] if len(rows) == PAGE else None
    return lines, (last["chat_id"], last["member_id"], last["number"]) if last else None
