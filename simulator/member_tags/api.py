"""Member tags by API: silent. Only the app that made a tag may change it. Success texts differ: test the code only.

Source: WeCom server API, member tags (pages 90210 to 90216), ownership (page 90453).
"""

from typing import Any

from simulator.address_book.scope import sees_department
from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.member_tags.book import MemberTag, MemberTagBook, users_in_service
from simulator.member_tags.settings import MemberTagSettings

LONGEST_NAME = 32
MOST_USERS, MOST_PARTIES = 1000, 100


def _checked_name(call: Call, told: Any, *, mine: MemberTag | None = None) -> str:
    """ApiError 41018 missing, 40072 too long, 40071 taken."""
    if not told:
        raise ApiError(41018)
    if not isinstance(told, str) or len(told) > LONGEST_NAME:
        raise ApiError(40072)
    other = call.book(MemberTagBook).named(told)
    if other is not None and other is not mine:
        raise ApiError(40071)
    return told


def _tag(call: Call, told: Any) -> MemberTag:
    """ApiError 41017 missing, 40068 unknown."""
    if told in (None, ""):
        raise ApiError(41017)
    text = str(told)
    tag = call.book(MemberTagBook).tags.get(int(text)) if text.isdecimal() else None
    if tag is None:
        raise ApiError(40068)
    return tag


def _own_tag(call: Call, told: Any) -> MemberTag:
    tag = _tag(call, told)
    if tag.owner != call.app.secret:
        raise ApiError(81011)
    return tag


def create(call: Call) -> dict[str, Any]:
    asked, book, numbers = call.json(), call.book(MemberTagBook), call.settings(MemberTagSettings)
    name = _checked_name(call, asked.get("tagname"))
    tag_id = asked.get("tagid")
    if tag_id is None:
        tag_id = book.next_id()
    if type(tag_id) is not int or tag_id < 0:
        raise ApiError(40068)
    if tag_id in book.tags:
        raise ApiError(numbers.id_taken_code)
    if len(book.tags) >= numbers.most_tags:
        raise ApiError(numbers.too_many_tags_code)
    book.tags[tag_id] = MemberTag(tag_id, name, owner=call.app.secret)
    return {"errmsg": "created", "tagid": tag_id}


def update(call: Call) -> dict[str, Any]:
    asked = call.json()
    tag = _own_tag(call, asked.get("tagid"))
    tag.name = _checked_name(call, asked.get("tagname"), mine=tag)
    return {"errmsg": "updated"}


def delete(call: Call) -> dict[str, Any]:
    tag = _own_tag(call, call.query.get("tagid"))
    del call.book(MemberTagBook).tags[tag.tag_id]
    return {"errmsg": "deleted"}


def get(call: Call) -> dict[str, Any]:
    """What of the tag lies in the app's visible range."""
    tag = _tag(call, call.query.get("tagid"))
    users = [item for item in users_in_service(call.corp, tag.users) if call.sees(item)]
    parties = [item for item in tag.parties if item in call.corp.departments and sees_department(call, item)]
    return {
        "tagname": tag.name,
        "userlist": [{"userid": item.userid, "name": item.name} for item in users],
        "partylist": parties,
    }


def list_tags(call: Call) -> dict[str, Any]:
    tags = call.book(MemberTagBook).tags.values()
    return {"taglist": [{"tagid": tag.tag_id, "tagname": tag.name} for tag in tags]}


def _nodes(asked: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """userlist and partylist; ApiError 40063 when both are empty, 40032 and 81014 when one is too long."""
    users, parties = asked.get("userlist") or [], asked.get("partylist") or []
    if not isinstance(users, list) or not isinstance(parties, list):
        raise ApiError(40058, detail="userlist or partylist")
    if not users and not parties:
        raise ApiError(40063, detail="userlist or partylist")
    if len(users) > MOST_USERS:
        raise ApiError(40032)
    if len(parties) > MOST_PARTIES:
        raise ApiError(81014)
    return users, parties


def _good(call: Call, users: list[Any], parties: list[Any]) -> tuple[dict[str, None], dict[int, None], dict[str, Any]]:
    """Those in sight, and what to answer about the rest; ApiError 40070 when there is nothing but a rest."""
    members = {item: call.corp.member(str(item)) for item in users}
    bad = [item for item, found in members.items() if found is None or found.resigned or not call.sees(found)]
    known = [item for item in parties if item in call.corp.departments and sees_department(call, item)]
    lost = [item for item in parties if item not in known]
    more: dict[str, Any] = {"invalidlist": "|".join(map(str, bad))} if bad else {}
    more |= {"invalidparty": lost} if lost else {}
    if not known and len(bad) == len(members):
        raise ApiError(40070, more=more)
    return {str(item).lower(): None for item in members if item not in bad}, dict.fromkeys(known), more


def add_users(call: Call) -> dict[str, Any]:
    asked = call.json()
    tag = _own_tag(call, asked.get("tagid"))
    users, parties, more = _good(call, *_nodes(asked))
    grown = MemberTag(tag.tag_id, tag.name, users=tag.users | users, parties=tag.parties | parties)
    if grown.nodes > call.settings(MemberTagSettings).most_nodes:
        raise ApiError(81003)
    tag.users, tag.parties = grown.users, grown.parties
    return more


def delete_users(call: Call) -> dict[str, Any]:
    """Who does not carry the tag is no error."""
    asked = call.json()
    tag = _own_tag(call, asked.get("tagid"))
    users, parties, more = _good(call, *_nodes(asked))
    tag.users = {key: None for key in tag.users if key not in users}
    tag.parties = {key: None for key in tag.parties if key not in parties}
    return more


ENDPOINTS = {
    "tag/create": Endpoint("POST", create),
    "tag/update": Endpoint("POST", update),
    "tag/delete": Endpoint("GET", delete),
    "tag/get": Endpoint("GET", get, {"userlist": [], "partylist": []}),
    "tag/addtagusers": Endpoint("POST", add_users),
    "tag/deltagusers": Endpoint("POST", delete_users),
    "tag/list": Endpoint("GET", list_tags, {"taglist": []}),
}
