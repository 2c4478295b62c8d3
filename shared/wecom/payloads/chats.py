"""Customer groups, and the codes through which customers join them."""

from dataclasses import dataclass, field

from shared.ids import UserId
from shared.wecom.payloads.reading import AN_ID, IDENTITY, Json, called, derived, text, texts


def _invitor(payload: Json) -> UserId | None:
    invitor = payload.get("invitor")
    found = text(invitor.get("userid")) if isinstance(invitor, dict) else None
    return None if found is None else UserId(found)


def _admins(payload: Json) -> tuple[UserId, ...] | None:
    found = texts(payload.get("admin_list"), inside="userid")
    return None if found is None else tuple(UserId(one) for one in found)


@dataclass(frozen=True)
class ChatKey:
    """One row of groupchat/list. status: 0 normal, 1 the owner left, 2 being inherited, 3 inherited."""

    chat_id: str = field(metadata=IDENTITY | AN_ID)
    status: int | None


@dataclass(frozen=True)
class ChatMember:
    """type: 1 corp member, 2 external contact, whose `userid` is an external_userid and need be nobody's customer.

    join_scene: 1 invited, 2 invitation link, 3 QR code (events number it differently). `join_time` is Unix seconds.
    """

    userid: str = field(metadata=IDENTITY | AN_ID)
    type: int | None
    unionid: str | None
    join_time: int | None
    join_scene: int | None
    invitor: UserId | None = field(metadata=derived(_invitor))
    group_nickname: str | None
    name: str | None
    state: str | None


@dataclass(frozen=True)
class Chat:
    """A group with all its members. `member_version` names this set of members, as change events do."""

    chat_id: str = field(metadata=IDENTITY)
    name: str | None
    owner: UserId | None = field(metadata=AN_ID)
    create_time: int | None
    notice: str | None
    members: tuple[ChatMember, ...] | None = field(metadata=called("member_list"))
    admins: tuple[UserId, ...] | None = field(metadata=derived(_admins))
    member_version: str | None


@dataclass(frozen=True)
class JoinWaySettings:
    """What a way to join says. scene: 1 mini-program plugin, 2 QR code; auto_create_room: 1 when full, 0 not."""

    scene: int
    chat_id_list: tuple[str, ...]
    remark: str | None = None
    auto_create_room: int | None = None
    room_base_name: str | None = None
    room_base_id: int | None = None
    state: str | None = None
    mark_source: bool | None = None


@dataclass(frozen=True)
class JoinWay:
    config_id: str = field(metadata=IDENTITY)
    scene: int | None
    remark: str | None
    auto_create_room: int | None
    room_base_name: str | None
    room_base_id: int | None
    chat_id_list: tuple[str, ...] | None
    qr_code: str | None
    state: str | None
    mark_source: bool | None
