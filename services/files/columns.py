"""Columns that an export may have: their headings, and the SQL or the function that makes their cells.

Texts of times and amounts are made by PostgreSQL: a million rows in a minute leave 60 µs for each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.fields.model import DOCUMENT, Field
from services.fields.values import shown
from services.files.model import CUSTOM, FileRefusedError
from services.persons.masking import mask_birthday, mask_email, mask_name, mask_phone, mask_words

Cell = Callable[["Person", "Names"], str]
MOST_COLUMNS = 60
BETWEEN = "; "
MASKED = "***"


@dataclass(frozen=True)
class Person:
    """One customer of a page. `row`: what SQL made, by column; `identities`: kind → values."""

    row: Mapping[str, Any]
    own: Mapping[str, Any]
    identities: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Names:
    """Names as they are when the export runs; who or what has none is shown by id."""

    associates: Mapping[str, str]
    outlets: Mapping[str, str]
    """userid → name of their outlet."""
    tags: Mapping[str, str]
    stages: Mapping[int, str]


@dataclass(frozen=True)
class Column:
    """`sql`: made of c (customer) and k (its card). `cell`: instead, or from what the SQL gave."""

    zh: str
    en: str
    sql: str | None = None
    cell: Cell | None = None
    personal: bool = False
    kinds: tuple[str, ...] = ()
    own: bool = False
    contacts: bool = False
    mask: Callable[[str], str] | None = None
    """Of each of the values in a personal cell, for whoever may not read it; None: the cell is hidden whole."""


def _time(expression: str) -> str:
    return f"to_char({expression} at time zone :timezone, 'YYYY-MM-DD HH24:MI:SS')"


def _own(name: str) -> Cell:
    return lambda person, _names: str(person.own.get(name) or "")


def _identities(kind: str) -> Cell:
    return lambda person, _names: BETWEEN.join(person.identities.get(kind, ()))


def _associate(name: str) -> Cell:
    def cell(person: Person, names: Names) -> str:
        userid = person.row[name]
        return names.associates.get(userid, userid) if userid else ""

    return cell


def _several(name: str, of: Callable[[Names], Mapping[Any, str]]) -> Cell:
    def cell(person: Person, names: Names) -> str:
        ids, known = person.row[name], of(names)
        return BETWEEN.join([known.get(one, str(one)) for one in ids]) if ids else ""

    return cell


def _outlet(person: Person, names: Names) -> str:
    return names.outlets.get(person.row["assigned_outlet"] or "", "")


COLUMNS: Mapping[str, Column] = {
    "id": Column("客户ID", "id", "c.id::text"),
    "created_at": Column("创建时间", "created", _time("c.created_at")),
    "updated_at": Column("更新时间", "updated", _time("c.updated_at")),
    "standing": Column("客户状态", "standing", "c.standing"),
    "external_userids": Column("外部联系人ID", "external_userid", "w.ids", contacts=True),
    "name": Column("昵称", "nickname", "w.name", personal=True, contacts=True, mask=mask_name),
    "real_name": Column("姓名", "name", cell=_own("real_name"), personal=True, own=True, mask=mask_name),
    "phones": Column("手机号", "phone", cell=_identities("phone"), personal=True, kinds=("phone",), mask=mask_phone),
    "emails": Column("邮箱", "email", cell=_identities("email"), personal=True, kinds=("email",), mask=mask_email),
    "crm": Column("会员号", "crm", cell=_identities("crm"), kinds=("crm",)),
    "unionid": Column("unionid", "unionid", cell=_identities("unionid"), kinds=("unionid",)),
    "gender": Column("性别", "gender", cell=_own("gender"), own=True),
    "birthday": Column("生日", "birthday", cell=_own("birthday"), personal=True, own=True, mask=mask_birthday),
    "company": Column("公司", "company", cell=_own("company"), own=True),
    "level": Column("等级", "level", cell=_own("level"), own=True),
    "note": Column("备注", "note", cell=_own("note"), personal=True, own=True, mask=mask_words),
    "assigned_userid": Column("导购ID", "userid", "c.assigned_userid"),
    "assigned_associate": Column("导购", "associate", "c.assigned_userid", _associate("assigned_associate")),
    "assigned_outlet": Column("门店", "outlet", "c.assigned_userid", _outlet),
    "assigned_at": Column("分配时间", "assigned", _time("c.assigned_at")),
    "friends": Column("好友导购", "friends", "k.friend_userids", _several("friends", lambda names: names.associates)),
    "tags": Column("标签", "tags", "k.tag_ids", _several("tags", lambda names: names.tags)),
    "stages": Column("阶段", "stages", "k.stage_ids", _several("stages", lambda names: names.stages)),
    "score": Column("评分", "score", "k.score::text"),
    "points": Column("积分", "points", "k.points::text"),
    "pool_status": Column("公海状态", "pool status", "k.pool_status"),
    "pool_source": Column("来源", "source", "k.pool_source"),
    "pool_associate": Column("公海导购", "pool associate", "k.pool_userid", _associate("pool_associate")),
    "blacklisted": Column("黑名单", "blacklisted", "case when k.blacklisted then '1' else '' end"),
    "purchase_count": Column("购买次数", "purchases", "k.purchase_count::text"),
    "purchase_amount": Column("购买金额", "amount", "trim_scale(round(k.purchase_amount / 100.0, 2))::text"),
    "last_purchase_at": Column("最近购买", "last purchase", _time("k.last_purchase_at")),
    "first_added_at": Column("首次添加", "first added", _time("k.first_added_at")),
    "last_added_at": Column("最近添加", "last added", _time("k.last_added_at")),
    "last_lost_at": Column("被客户删除", "lost", _time("k.last_lost_at")),
    "last_deleted_at": Column("删除客户", "deleted", _time("k.last_deleted_at")),
    "last_event_at": Column("最近行为", "last event", _time("k.last_event_at")),
}


def custom_column(field: Field) -> Column:
    """Options by their names, as an import reads them."""

    def cell(person: Person, _names: Names) -> str:
        return shown(field, (person.own.get(DOCUMENT) or {}).get(field.key))

    return Column(field.name, field.name, cell=cell, personal=field.personal, own=True)


def columns_of(names: Sequence[str], custom: Mapping[str, Column]) -> dict[str, Column]:
    """
    Raises:
        FileRefusedError: one of them is none.
    """
    known = {**COLUMNS, **{f"{CUSTOM}{key}": column for key, column in custom.items()}}
    if unknown := [name for name in names if name not in known]:
        raise FileRefusedError(f"there is no column {unknown[0]}")
    return {name: known[name] for name in names}


def masked(column: Column, shown: Cell, *, hide: bool) -> Cell:
    """The one place where an export hides what is personal; `shown`: the cell of those who may read it."""
    if not (hide and column.personal):
        return shown
    mask = column.mask
    if mask is None:
        return lambda _person, _names: MASKED

    def cell(person: Person, names: Names) -> str:
        text = shown(person, names)
        return BETWEEN.join(mask(one) for one in text.split(BETWEEN)) if text else ""

    return cell
