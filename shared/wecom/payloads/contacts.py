"""External contacts and how members follow them."""

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from shared.ids import ExternalUserId, UserId
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import (
    AN_ID,
    IDENTITY,
    LONGEST_ID,
    Json,
    called,
    derived,
    number,
    reader,
    text,
    texts,
)

PERSONAL_TAG = 2


def _tags(payload: Json) -> list[Any] | None:
    """`get` lists tags as objects, the batch read as ids; None when neither is there."""
    tags = payload.get("tags")
    return [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else None


def _corp_tag_ids(payload: Json) -> tuple[str, ...] | None:
    tags = _tags(payload)
    found = texts(payload.get("tag_id")) if tags is None else [text(tag.get("tag_id")) for tag in tags]
    return None if found is None else tuple(sorted({one for one in found if one}))


def _personal_tags(payload: Json) -> tuple[str, ...] | None:
    """By name, for they have no id. The batch read leaves them out: absence says nothing."""
    tags = _tags(payload)
    personal = (tag for tag in tags or () if number(tag.get("type")) == PERSONAL_TAG)
    return None if tags is None else tuple(sorted(text(tag.get("tag_name")) or "" for tag in personal))


@dataclass(frozen=True)
class ContactProfile:
    """`external_contact` of get and batch/get_by_user. type: 1 WeChat user, 2 WeCom user; gender: 0 unknown, 1, 2."""

    external_userid: ExternalUserId = field(metadata=IDENTITY | AN_ID)
    name: str | None
    type: int | None
    gender: int | None
    avatar: str | None
    unionid: str | None
    position: str | None
    corp_name: str | None
    corp_full_name: str | None
    profile: Json | None = field(metadata=called("external_profile"))


@dataclass(frozen=True)
class Channel:
    """The Channels account (视频号) that led to the contact. source: 0 unknown, 1 home page, 2 live room, 3 form."""

    nickname: str | None
    source: int | None


@dataclass(frozen=True)
class FollowRelation:
    """One `follow_user` (or `follow_info`): how one member follows the contact. `createtime` is Unix seconds.

    `corp_tag_ids` holds ids of corp tags and of rule-group tags.
    """

    userid: UserId = field(metadata=IDENTITY | AN_ID)
    createtime: int | None
    remark: str | None
    description: str | None
    corp_tag_ids: tuple[str, ...] | None = field(metadata=derived(_corp_tag_ids))
    personal_tags: tuple[str, ...] | None = field(metadata=derived(_personal_tags))
    remark_corp_name: str | None
    remark_mobiles: tuple[str, ...] | None
    add_way: int | None
    oper_userid: str | None
    state: str | None
    wechat_channels: Channel | None


@dataclass(frozen=True)
class ContactRead:
    """One contact with the followers that the app sees; `profile` is None when WeCom shows no relation at all."""

    profile: ContactProfile | None
    relations: tuple[FollowRelation, ...]


@dataclass(frozen=True)
class BatchRow:
    """One row of batch/get_by_user: one pair of contact and member, read in full only when somebody asks for it.

    `digest` is of all that the row says, whatever the order of its keys.
    """

    external_userid: ExternalUserId
    userid: UserId
    digest: bytes
    payload: Json = field(repr=False)

    @property
    def profile(self) -> ContactProfile:
        found: ContactProfile = reader(ContactProfile)(self.payload["external_contact"])
        return found

    @property
    def relation(self) -> FollowRelation:
        found: FollowRelation = reader(FollowRelation)(self.payload["follow_info"])
        return found


def batch_row(payload: object) -> BatchRow | None:
    """None when one of the two halves does not name what it is about, or by what is no id."""
    if not isinstance(payload, dict):
        return None
    contact, follow = payload.get("external_contact"), payload.get("follow_info")
    if not isinstance(contact, dict) or not isinstance(follow, dict):
        return None
    external_userid, userid = text(contact.get("external_userid")), text(follow.get("userid"))
    if not external_userid or not userid or max(len(external_userid), len(userid)) > LONGEST_ID:
        return None
    return BatchRow(ExternalUserId(external_userid), UserId(userid), _digest(payload), payload)


def _digest(payload: Json) -> bytes:
    try:
        written = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number longer than any that means something
        written = json.dumps(payload, sort_keys=True).encode()
    return blake2b(written, digest_size=16).digest()


@dataclass(frozen=True)
class BatchPage(Page[BatchRow]):
    """One page of batch/get_by_user: one row per pair. `unlicensed`: members left out for want of a licence."""

    unlicensed: tuple[UserId, ...] | None = None


@dataclass(frozen=True)
class Subjects:
    """Members and departments; an empty half may be absent."""

    userid: tuple[UserId, ...] | None
    partyid: tuple[int, ...] | None


@dataclass(frozen=True)
class FollowUserCheck:
    """Who has the customer-contact function, and who has not."""

    authorized: Subjects | None
    unauthorized: Subjects | None


@dataclass(frozen=True)
class ServedContact:
    """One row of contact_list: a contact once per follower and once per group.

    `tmp_openid` is the same person only within one walk, for 4 h. `name` is masked, and given only of those who are no
    customers. `add_time` is Unix seconds.
    """

    tmp_openid: str = field(metadata=IDENTITY)
    is_customer: bool | None
    external_userid: ExternalUserId | None
    name: str | None
    follow_userid: UserId | None
    chat_id: str | None
    chat_name: str | None
    add_time: int | None
