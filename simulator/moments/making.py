"""From a request for a moment to the moment: what it may contain, who is asked, who can see it.

Source: WeCom server API, moments (page 95094).
"""

import secrets
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import numbers, part, parts, text, texts
from simulator.errors import ApiError
from simulator.media.book import MOMENT_IMAGE, MOMENT_VIDEO, MediaBook
from simulator.moments.book import Copy, Job, Json, Moment, MomentBook
from simulator.moments.settings import MomentSettings
from simulator.records import Corp, Member, PairState
from simulator.tags.book import TagBook
from simulator.world import World

TEXT_CHARACTERS, TEXT_BYTES, TITLE_CHARACTERS = 2000, 4000, 64
MOST_SENDERS = 100_000
# Attachments are all of one type: how many, and what their media id must be of.
TYPES = {"image": (9, MOMENT_IMAGE), "video": (1, MOMENT_VIDEO), "link": (1, MOMENT_IMAGE)}
NOBODY = {"errcode": 81013, "errmsg": "user & party & tag all invalid"}


def check_content(call: Call, asked: Json) -> Json:
    """As get_moment_list will show it; ApiError 41089 when there is nothing."""
    content, attachments = text(part(asked, "text"), "content"), parts(asked, "attachments")
    if len(content) > TEXT_CHARACTERS or len(content.encode()) > TEXT_BYTES:
        raise ApiError(40058, detail="text.content")
    if not content and not attachments:
        raise ApiError(41089)
    return {"text": {"content": content}, **_attached(call, attachments)}


def _attached(call: Call, attachments: list[Json]) -> Json:
    if not attachments:
        return {}
    kinds = {text(item, "msgtype") for item in attachments}
    kind = kinds.pop()
    if kinds or kind not in TYPES:
        raise ApiError(41065)
    most, media_kind = TYPES[kind]
    if len(attachments) > most:
        raise ApiError(41064)
    objects = [part(item, kind) for item in attachments]
    for told in objects:
        _check(call, told, kind=kind, media_kind=media_kind)
    if kind == "image":
        return {"image": [{"media_id": told["media_id"]} for told in objects]}
    if kind == "video":
        return {"video": {"media_id": objects[0]["media_id"], "thumb_media_id": f"WWCISP_{secrets.token_hex(16)}"}}
    return {"link": {"title": text(objects[0], "title"), "url": objects[0]["url"]}}


def _check(call: Call, told: Json, *, kind: str, media_kind: str) -> None:
    media_id, url = text(told, "media_id"), text(told, "url")
    if not media_id or (kind == "link" and not url):
        raise ApiError(40063, detail="media_id" if url or kind != "link" else "url")
    if len(text(told, "title")) > TITLE_CHARACTERS:
        raise ApiError(40058, detail="title")
    if not call.book(MediaBook).usable(media_id, kinds=frozenset({media_kind}), now=call.world.now()):
        raise ApiError(40007)


def choose_senders(call: Call, told: Json) -> tuple[list[str], Json]:
    """The members who are asked, and what was named in vain; nobody named means everybody in scope."""
    everybody = {item.userid: item for item in call.corp.members.values() if item.serves_customers and call.sees(item)}
    users, parties = texts(told, "user_list"), numbers(told, "department_list")
    if len(users) > MOST_SENDERS:
        raise ApiError(40058, detail="user_list")
    known = {userid.lower(): userid for userid in everybody}
    invalid = {
        "user_list": [item for item in users if item.lower() not in known],
        "department_list": [item for item in parties if item not in call.corp.departments],
    }
    if not users and not parties:
        return list(everybody), invalid
    inside = {
        item.department_id
        for party in parties
        if party in call.corp.departments
        for item in call.corp.descendants(party)
    }
    named = [known[item.lower()] for item in users if item.lower() in known]
    named += [userid for userid, member in everybody.items() if inside & set(member.departments)]
    return list(dict.fromkeys(named)), invalid


def choose_tags(call: Call, told: Json) -> tuple[list[str] | None, list[Any]]:
    """The tags that the audience must have one of, None for everybody, and those that are none."""
    if not told:
        return None, []
    tags = texts(told, "tag_list")
    book = call.book(TagBook)
    corp_tags = [item for item in tags if (tag := book.tag(item)) is not None and not tag.group.strategy_id]
    return corp_tags, [item for item in tags if item not in corp_tags]


def finish(world: World, corp: Corp, job: Job, moment: Moment, invalid: Json) -> None:
    """The job is done: the moment is there, and its members are asked."""
    if not moment.copies:
        job.result = {**NOBODY, "moment_id": "", **invalid}
        return
    numbers = world.settings(MomentSettings)
    moment.create_time = int(job.finishes_at)
    moment.dispatched_at = job.finishes_at + numbers.dispatch_s
    corp.book(MomentBook).moments[moment.moment_id] = moment
    job.result = {"errcode": 0, "errmsg": "ok", "moment_id": moment.moment_id, **invalid}
    if numbers.auto_publish_after_s:
        world.later(moment.dispatched_at + numbers.auto_publish_after_s, lambda at: _publish_all(corp, moment, at=at))


def _publish_all(corp: Corp, moment: Moment, *, at: int) -> None:
    for copy in moment.copies.values():
        member = corp.member(copy.userid)
        if member is not None and member.serves_customers and not copy.published_at and not moment.cancelled:
            publish(corp, member, moment, at=at)


def publish(corp: Corp, member: Member, moment: Moment, *, at: int) -> None:
    """The member's copy appears; its audience are the customers with one of the tags, seen by those who are friends."""
    copy = moment.copies.setdefault(member.userid, Copy(member.userid))
    copy.published_at = at
    seen = corp.book(TagBook).seen
    pairs = [pair for pair in member.pairs.values() if pair.readable]
    if moment.tags is not None:
        pairs = [pair for pair in pairs if not set(moment.tags).isdisjoint(seen(pair.tags))]
    copy.audience = [pair.customer.external_userid for pair in pairs]
    copy.reached = [pair.customer.external_userid for pair in pairs if pair.state is PairState.ACTIVE]
