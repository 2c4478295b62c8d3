"""The fields of the filter language: what each is, where a card keeps it, what it is called. Data, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing a field holds; it decides the operators and the shape of their values."""

    PART = "part"  # found by part
    IDENTITY = "identity"  # found by its whole value
    CHOICE = "choice"
    SET = "set"
    NUMBER = "number"
    TIME = "time"
    BIRTHDAY = "birthday"
    FLAG = "flag"
    OUTLET = "outlet"
    ASSOCIATE = "associate"  # found by part of an associate's name or userid
    ADDED = "added"
    EVENT = "event"
    ORDER = "order"


_EMPTY = ("empty", "not_empty")
OPS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PART: ("contains", "not_contains"),
    Kind.IDENTITY: ("equals", "not_equals", "any_of", "none_of"),
    Kind.CHOICE: ("equals", "not_equals", "any_of", "none_of", *_EMPTY),
    Kind.SET: ("any_of", "all_of", "none_of", *_EMPTY),
    Kind.NUMBER: ("equals", "not_equals", "between"),
    Kind.TIME: ("between", "within", "not_within", *_EMPTY),
    Kind.BIRTHDAY: ("between", "within_next", *_EMPTY),
    Kind.FLAG: ("is",),
    Kind.OUTLET: ("any_of", "none_of"),
    Kind.ASSOCIATE: ("contains", "not_contains"),
    Kind.ADDED: ("is", "is_not"),
    Kind.EVENT: ("is", "is_not"),
    Kind.ORDER: ("is", "is_not"),
}

NAMES, IDENTITIES, SEGMENTS, WAITING = "names", "identities", "segments", "waiting"
"""Sources beside the card's own columns."""


@dataclass(frozen=True)
class FieldSpec:
    """`column`: of the card, or what kind of identity or name it is; `en`, `zh`: what people call it.

    `whole`: its members are whole numbers, else texts. `own`: a custom field, `column` is its key.
    `rare`: few customers have any, and the index of the column holds these alone.
    """

    name: str
    kind: Kind
    column: str
    en: str
    zh: str
    ops: tuple[str, ...]
    columns: frozenset[str]
    options: tuple[str, ...] = ()
    whole: bool = False
    own: bool = False
    rare: bool = False


@dataclass(frozen=True)
class Definition:
    """A custom field that is not personal. `kind`: as the table custom_field has it."""

    key: str
    kind: str
    name: str


def _spec(name: str, kind: Kind, column: str, en: str, zh: str, **more: object) -> FieldSpec:
    columns = more.pop("columns", (column,))
    ops = more.pop("ops", OPS[kind])
    return FieldSpec(name, kind, column, en, zh, tuple(ops), frozenset(columns), **more)  # type: ignore[arg-type, call-overload]


_RELATIONS = ("friend_userids", "first_added_at", "last_added_at", "add_ways", "add_states")
_IDENTITY = {"columns": (IDENTITIES, "has_phone", "has_email")}
_WITH_EMPTY = (*OPS[Kind.IDENTITY], *_EMPTY)
STANDINGS = ("none", "half", "friend", "lost", "deleted", "left")
POOL = ("unassigned", "assigned", "unreachable", "added")

FIELDS: Mapping[str, FieldSpec] = {
    one.name: one
    for one in (
        _spec("name", Kind.PART, "name", "name", "姓名", columns=(NAMES,)),
        _spec("company", Kind.PART, "company", "company", "公司", columns=(NAMES,)),
        _spec("phone", Kind.IDENTITY, "phone", "phone", "手机号", ops=_WITH_EMPTY, **_IDENTITY),
        _spec("email", Kind.IDENTITY, "email", "e-mail", "邮箱", ops=_WITH_EMPTY, **_IDENTITY),
        _spec("external_userid", Kind.IDENTITY, "external_userid", "external_userid", "外部联系人 ID", **_IDENTITY),
        _spec("unionid", Kind.IDENTITY, "unionid", "unionid", "unionid", **_IDENTITY),
        _spec("crm", Kind.IDENTITY, "crm", "CRM id", "CRM 编号", **_IDENTITY),
        _spec("standing", Kind.CHOICE, "standing", "standing", "好友状态", options=STANDINGS),
        _spec("gender", Kind.CHOICE, "gender", "gender", "性别", options=("male", "female", "unknown")),
        _spec("level", Kind.CHOICE, "level", "level", "等级"),
        _spec("assigned", Kind.CHOICE, "assigned_userid", "assigned associate", "专属导购"),
        _spec("pool_status", Kind.CHOICE, "pool_status", "pool status", "客户池状态", options=POOL),
        _spec("source", Kind.CHOICE, "pool_source", "source", "来源"),
        _spec("pool_assigned", Kind.CHOICE, "pool_userid", "associate who is to add", "待添加导购"),
        _spec("friend", Kind.SET, "friend_userids", "friend", "好友导购"),
        _spec("tag", Kind.SET, "tag_ids", "tag", "标签"),
        _spec("waiting_tag", Kind.SET, "waiting_tag", "waiting tag", "等待中的标签", columns=(WAITING,)),
        _spec("chat", Kind.SET, "chat_ids", "chat", "群聊"),
        _spec("add_way", Kind.SET, "add_ways", "add way", "添加方式", whole=True),
        _spec("add_state", Kind.SET, "add_states", "channel", "渠道"),
        _spec("stage", Kind.SET, "stage_ids", "stage", "阶段", whole=True),
        _spec("linked_company", Kind.SET, "company_ids", "linked company", "关联企业", rare=True),
        _spec("segment", Kind.SET, "segment", "segment", "人群", whole=True, columns=(SEGMENTS,)),
        _spec("friend_count", Kind.NUMBER, "cardinality(k.friend_userids)", "number of friends", "好友导购数",
              columns=("friend_userids",)),
        _spec("chat_count", Kind.NUMBER, "cardinality(k.chat_ids)", "number of chats", "所在群数",
              columns=("chat_ids",)),
        _spec("score", Kind.NUMBER, "score", "score", "评分"),
        _spec("points", Kind.NUMBER, "points", "points", "积分"),
        _spec("purchase_count", Kind.NUMBER, "purchase_count", "number of purchases", "购买次数"),
        _spec("purchase_amount", Kind.NUMBER, "purchase_amount", "amount purchased", "购买金额"),
        _spec("created", Kind.TIME, "created_at", "created", "创建时间"),
        _spec("assigned_since", Kind.TIME, "assigned_at", "time assigned", "分配时间"),
        _spec("first_added", Kind.TIME, "first_added_at", "first added", "首次添加"),
        _spec("last_added", Kind.TIME, "last_added_at", "last added", "最近添加"),
        _spec("lost", Kind.TIME, "last_lost_at", "removed an associate", "删除导购时间"),
        _spec("deleted", Kind.TIME, "last_deleted_at", "removed by an associate", "被导购删除时间"),
        _spec("joined_chat", Kind.TIME, "joined_chat_at", "joined a chat", "最近入群"),
        _spec("left_chat", Kind.TIME, "left_chat_at", "left a chat", "最近退群"),
        _spec("last_event", Kind.TIME, "last_event_at", "last event", "最近行为"),
        _spec("last_purchase", Kind.TIME, "last_purchase_at", "last purchase", "最近购买"),
        _spec("birthday", Kind.BIRTHDAY, "birthday", "birthday", "生日"),
        _spec("blacklisted", Kind.FLAG, "blacklisted", "blacklisted", "黑名单"),
        _spec("outlet", Kind.OUTLET, "friend_userids", "outlet", "门店"),
        _spec("assigned_outlet", Kind.OUTLET, "assigned_userid", "assigned outlet", "专属门店"),
        _spec("friend_name", Kind.ASSOCIATE, "friend_userids", "friend's name", "好友导购姓名"),
        _spec("assigned_name", Kind.ASSOCIATE, "assigned_userid", "assigned associate's name", "专属导购姓名"),
        _spec("added", Kind.ADDED, "relation", "added", "添加好友", columns=_RELATIONS),
        _spec("event", Kind.EVENT, "customer_event", "event", "行为", columns=("last_event_at",)),
        _spec("order", Kind.ORDER, "customer_order", "order", "订单",
              columns=("purchase_count", "purchase_amount", "last_purchase_at")),
    )
}  # fmt: skip
"""By name. A custom field is asked for as `field:KEY`."""

OWN_KINDS: Mapping[str, Kind] = {
    "number": Kind.NUMBER,
    "date": Kind.TIME,
    "single_line": Kind.CHOICE,
    "single_choice": Kind.CHOICE,
    "multiple_choice": Kind.SET,
    "cascade": Kind.SET,
}
PREFIX = "field:"


def field_called(name: str, own: Mapping[str, Definition]) -> FieldSpec | None:
    """The field of that name; `own`: the corp's custom fields that can be asked for, by key."""
    if not name.startswith(PREFIX):
        return FIELDS.get(name)
    definition = own.get(name.removeprefix(PREFIX))
    kind = OWN_KINDS.get(definition.kind) if definition else None
    if definition is None or kind is None:
        return None
    ops = tuple(dict.fromkeys((*OPS[kind], *_EMPTY)))
    return FieldSpec(name, kind, definition.key, definition.name, definition.name, ops, frozenset({"fields"}), own=True)
