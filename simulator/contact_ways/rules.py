"""What the fields of a contact way must be, and whom it leads to.

Source: WeCom server API, contact ways (page 92228).
"""

from dataclasses import replace
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import flag, number, numbers, part, text, texts
from simulator.contact_ways.book import ContactWay
from simulator.contact_ways.settings import ContactWaySettings
from simulator.errors import ApiError
from simulator.media.book import IMAGE, MediaBook
from simulator.records import Corp, Member

Json = dict[str, Any]
SINGLE, MULTI = 1, 2
BUTTON, QR_CODE = 1, 2
MOST_USERS = 100
MOST_STYLES = {SINGLE: 3, MULTI: 2}
FLAGS = ("skip_verify", "is_exclusive", "mark_source")
DAY_S = 86_400
EXPIRES_S, CHAT_EXPIRES_S, LONGEST_S = 7 * DAY_S, DAY_S, 14 * DAY_S
ACTIVATED = 1
CONCLUSION_BYTES = {"text": {"content": 4000}, "link": {"title": 128, "desc": 512}, "miniprogram": {"title": 64}}
# Besides the text one of these is shown, the first that is given.
SECOND_CONCLUSIONS = ("image", "link", "miniprogram")


def check_kind(asked: Json) -> tuple[int, int]:
    """Type and scene; ApiError 41037 to 41040."""
    for key, missing in (("type", 41037), ("scene", 41038)):
        if key not in asked:
            raise ApiError(missing)
    if type(asked["type"]) is not int or asked["type"] not in (SINGLE, MULTI):
        raise ApiError(41039)
    if type(asked["scene"]) is not int or asked["scene"] not in (BUTTON, QR_CODE):
        raise ApiError(41040)
    return asked["type"], asked["scene"]


def overlay(call: Call, way: ContactWay, asked: Json) -> ContactWay:
    """The way with what was said laid over it, checked as a whole."""
    said: Json = {key: text(asked, key) for key in ("remark", "state", "unionid") if key in asked}
    for key in ("remark", "state"):
        if len(said.get(key, "")) > 30:
            raise ApiError(40058, detail=f"field `{key}` exceed max length 30")
    flags: Json = {key: flag(asked, key, default=getattr(way, key)) for key in FLAGS}
    found = replace(way, **said, **flags, style=_style(way, asked))
    if "user" in asked or "party" in asked:
        found.users, found.parties = _targets(call, way.kind, asked, present=way)
    if way.is_temp:
        found.expires_in = _seconds(asked, "expires_in", default=way.expires_in or EXPIRES_S)
        found.chat_expires_in = _seconds(asked, "chat_expires_in", default=way.chat_expires_in or CHAT_EXPIRES_S)
        if "conclusions" in asked:
            found.conclusions = _conclusions(call, part(asked, "conclusions"))
    return found


def _style(way: ContactWay, asked: Json) -> int:
    style = asked.get("style") or way.style
    if type(style) is not int or not 0 <= style <= MOST_STYLES[way.kind]:
        raise ApiError(41042)
    return style


def _seconds(asked: Json, key: str, *, default: int) -> int:
    seconds = number(asked, key, default=default)
    if not 0 < seconds <= LONGEST_S:
        raise ApiError(40058, detail=key)
    return seconds


def _targets(call: Call, kind: int, asked: Json, *, present: ContactWay) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Canonical userids and departments; a single way has exactly one member and no department."""
    users = texts(asked, "user") if "user" in asked else list(present.users)
    parties = numbers(asked, "party") if "party" in asked else list(present.parties)
    if kind == SINGLE and (len(users) > 1 or parties):
        raise ApiError(41041)
    if not users and not parties:
        raise ApiError(40063, detail="user")
    members = {_usable(call, userid).userid: None for userid in users}
    if any(item not in call.corp.departments for item in parties):
        raise ApiError(60123)
    if len(expanded(call.corp, tuple(members), tuple(parties))) > MOST_USERS:
        raise ApiError(41041)
    return tuple(members), tuple(parties)


def _usable(call: Call, userid: str) -> Member:
    """ApiError 60111 unknown, 60011 out of scope, 41054 not activated, 40098 not verified; no function is a setting."""
    member = call.corp.member(userid)
    if member is None or member.resigned:
        raise ApiError(60111)
    if not call.sees(member):
        raise ApiError(60011)
    if member.status != ACTIVATED:
        raise ApiError(41054)
    if not member.verified:
        raise ApiError(40098)
    if not member.has_customer_contact:
        raise ApiError(call.settings(ContactWaySettings).no_function_code)
    return member


def expanded(corp: Corp, users: tuple[str, ...], parties: tuple[int, ...]) -> list[Member]:
    """The members in service that a way leads to: those named, and those of its departments."""
    inside = {item.department_id for party in parties for item in corp.descendants(party)}
    named = {userid.lower() for userid in users}
    found = [item for key, item in corp.members.items() if key in named or inside & set(item.departments)]
    return [item for item in found if item.serves_customers]


def _conclusions(call: Call, told: Json) -> Json:
    """Checked and as they will be shown: the text, and one of the others."""
    objects = {kind: _strings(part(told, kind)) for kind in ("text", *SECOND_CONCLUSIONS)}
    for key, limits in CONCLUSION_BYTES.items():
        for name, limit in limits.items():
            if len(objects[key].get(name, "").encode()) > limit:
                raise ApiError(40058, detail=f"{key}.{name}")
    kept = {"text": objects["text"]} if objects["text"] else {}
    second = next((key for key in SECOND_CONCLUSIONS if objects[key]), "")
    if second == "image":
        media_id = objects["image"].get("media_id", "")
        if not call.book(MediaBook).usable(media_id, kinds=frozenset({IMAGE}), now=call.world.now()):
            raise ApiError(40007)
        kept["image"] = {"pic_url": f"https://p.qpic.example/pic_wework/{media_id[:24]}"}
    elif second:
        kept[second] = objects[second]
    return kept


def _strings(told: Json) -> dict[str, str]:
    return {key: text(told, key) for key in told}
