"""What WeCom's reads answer, as values. Unknown fields are ignored; a missing field is None, which is not "emptied"."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.ids import ExternalUserId, UserId

Json = Mapping[str, Any]
PERSONAL_TAG = 2
LARGEST = 2**32
"""No number of WeCom's reads is larger: times, department ids and their order, codes."""


@dataclass(frozen=True)
class ContactProfile:
    """`external_contact` of get and batch/get_by_user. type: 1 WeChat user, 2 WeCom user; gender: 0 unknown, 1, 2."""

    external_userid: ExternalUserId
    name: str | None
    type: int | None
    gender: int | None
    avatar: str | None
    unionid: str | None
    position: str | None
    corp_name: str | None
    corp_full_name: str | None
    profile: Json | None


@dataclass(frozen=True)
class FollowRelation:
    """One `follow_user` (or `follow_info`): how one member follows the contact. `createtime` is Unix seconds."""

    userid: UserId
    createtime: int | None
    remark: str | None
    description: str | None
    corp_tag_ids: tuple[str, ...]
    personal_tags: tuple[str, ...] | None
    remark_corp_name: str | None
    remark_mobiles: tuple[str, ...] | None
    add_way: int | None
    oper_userid: str | None
    state: str | None


@dataclass(frozen=True)
class ContactRead:
    """One contact with the followers that the app sees; `profile` is None when WeCom shows no relation at all."""

    profile: ContactProfile | None
    relations: tuple[FollowRelation, ...]


@dataclass(frozen=True)
class BatchPage:
    """One page of batch/get_by_user: one row per pair. The page whose `next_cursor` is "" is the last."""

    rows: tuple[tuple[ContactProfile, FollowRelation], ...]
    next_cursor: str


@dataclass(frozen=True)
class Member:
    userid: UserId
    name: str | None
    main_department: int | None
    departments: tuple[int, ...] | None
    leader_in: tuple[int, ...] | None
    direct_leaders: tuple[str, ...] | None
    status: int | None


@dataclass(frozen=True)
class Department:
    id: int
    name: str | None
    parent_id: int | None
    order: int | None
    leaders: tuple[str, ...] | None


@dataclass(frozen=True)
class SendResult:
    """`invalid` holds the refused recipients, lower-cased as WeCom returns them."""

    msgid: str
    invalid: frozenset[str]


def decoded(content: bytes) -> Any:
    """JSON as WeCom sends it, made storable: no NUL, and no half of a cut emoji (a lone surrogate).

    Raises:
        ValueError: not JSON.
    """
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = json.loads(content.decode("utf-8", "replace"))
    else:
        if b"\\u0000" not in content:
            return answer
    return _storable(answer)


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "replace").decode()
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
    return value


def read_profile(payload: Json) -> ContactProfile:
    return ContactProfile(
        external_userid=ExternalUserId(str(payload["external_userid"])),
        name=_text(payload, "name"),
        type=_number(payload, "type"),
        gender=_number(payload, "gender"),
        avatar=_text(payload, "avatar"),
        unionid=_text(payload, "unionid"),
        position=_text(payload, "position"),
        corp_name=_text(payload, "corp_name"),
        corp_full_name=_text(payload, "corp_full_name"),
        profile=payload.get("external_profile") if isinstance(payload.get("external_profile"), dict) else None,
    )


def read_relation(payload: Json) -> FollowRelation:
    """`get` lists tags as objects (personal ones without an id), the batch read as ids of corp tags only."""
    tags = payload.get("tags")
    if isinstance(tags, list):
        corp = [str(tag["tag_id"]) for tag in tags if tag.get("tag_id")]
        personal = tuple(sorted(str(t.get("tag_name", "")) for t in tags if t.get("type") == PERSONAL_TAG))
    else:
        corp, personal = [str(tag) for tag in payload.get("tag_id") or ()], None
    return FollowRelation(
        userid=UserId(str(payload["userid"])),
        createtime=_number(payload, "createtime"),
        remark=_text(payload, "remark"),
        description=_text(payload, "description"),
        corp_tag_ids=tuple(sorted(set(corp))),
        personal_tags=personal,
        remark_corp_name=_text(payload, "remark_corp_name"),
        remark_mobiles=_texts(payload, "remark_mobiles"),
        add_way=_number(payload, "add_way"),
        oper_userid=_text(payload, "oper_userid"),
        state=_text(payload, "state"),
    )


def read_member(payload: Json) -> Member:
    departments = _numbers(payload, "department")
    leads = _numbers(payload, "is_leader_in_dept")
    return Member(
        userid=UserId(str(payload["userid"])),
        name=_text(payload, "name"),
        main_department=_number(payload, "main_department"),
        departments=departments,
        leader_in=None
        if departments is None or leads is None
        else tuple(d for d, lead in zip(departments, leads, strict=False) if lead),
        direct_leaders=_texts(payload, "direct_leader"),
        status=_number(payload, "status"),
    )


def read_department(payload: Json) -> Department:
    return Department(
        id=int(payload["id"]),
        name=_text(payload, "name"),
        parent_id=_number(payload, "parentid"),
        order=_number(payload, "order"),
        leaders=_texts(payload, "department_leader"),
    )


def _text(payload: Json, name: str) -> str | None:
    value = payload.get(name)
    return None if value is None else str(value)


def _number(payload: Json, name: str) -> int | None:
    value = payload.get(name)
    try:
        number = None if value is None else int(value)
    except (TypeError, ValueError):
        return None
    return number if number is None or -LARGEST <= number <= LARGEST else None


def _texts(payload: Json, name: str) -> tuple[str, ...] | None:
    value = payload.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else None


def _numbers(payload: Json, name: str) -> tuple[int, ...] | None:
    value = payload.get(name)
    return tuple(int(item) for item in value) if isinstance(value, list) else None
