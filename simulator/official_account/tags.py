"""Tags of followers.

Source: WeChat Official Account guide, user tag management.
"""

from typing import Any

from simulator.official_account.book import Tag
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError
from simulator.official_account.followers import page_of

MOST_TAGS = 100
MOST_PER_USER = 20
BATCH = 50
# The table says characters, the error code bytes; the smaller bound is kept.
NAME_BYTES = 30
RESERVED = frozenset({0, 1, 2})


def _name(call: Call, asked: dict[str, Any]) -> str:
    name = asked.get("name")
    if not isinstance(name, str) or not name or any(item.name == name for item in call.account.tags.values()):
        raise RefusedError(45157)
    if len(name.encode()) > NAME_BYTES:
        raise RefusedError(45158)
    return name


def _asked(call: Call) -> dict[str, Any]:
    found = call.json().get("tag")
    if not isinstance(found, dict):
        raise RefusedError(47001)
    return found


def _own(call: Call, tag_id: Any) -> Tag:
    """A tag that may be changed; RefusedError 45058 or 45159."""
    if tag_id in RESERVED:
        raise RefusedError(45058)
    return _tag(call, tag_id)


def _tag(call: Call, tag_id: Any) -> Tag:
    found = call.account.tags.get(tag_id) if isinstance(tag_id, int) else None
    if found is None:
        raise RefusedError(45159)
    return found


def create(call: Call) -> dict[str, Any]:
    account, name = call.account, _name(call, _asked(call))
    if sum(tag_id not in RESERVED for tag_id in account.tags) >= MOST_TAGS:
        raise RefusedError(45056)
    tag = Tag(account.next_tag_id, name)
    account.next_tag_id += 1
    account.tags[tag.tag_id] = tag
    return {"tag": {"id": tag.tag_id, "name": name}}


def get(call: Call) -> dict[str, Any]:
    tags = call.account.tags.values()
    return {"tags": [{"id": item.tag_id, "name": item.name, "count": len(item.openids)} for item in tags]}


def update(call: Call) -> dict[str, Any]:
    asked = _asked(call)
    tag = _own(call, asked.get("id"))
    if asked.get("name") != tag.name:
        tag.name = _name(call, asked)
    return OK


def delete(call: Call) -> dict[str, Any]:
    tag = _own(call, _asked(call).get("id"))
    if len(tag.openids) > call.settings.tag_delete_most:
        raise RefusedError(45057)
    for openid in tag.openids:
        call.account.followers[openid].tags.remove(tag.tag_id)
    del call.account.tags[tag.tag_id]
    return OK


def members(call: Call) -> dict[str, Any]:
    body = call.json()
    return page_of(list(_tag(call, body.get("tagid")).openids), after=str(body.get("next_openid") or ""))


def batchtagging(call: Call) -> dict[str, Any]:
    """All or nothing; what happens with one bad openid is not published."""
    body = call.json()
    found = [call.known(item) for item in call.openids(body, most=BATCH)]
    tag = _tag(call, body.get("tagid"))
    for follower in found:
        if not follower.subscribed:
            raise RefusedError(40003)
        if tag.tag_id not in follower.tags and len(follower.tags) >= MOST_PER_USER:
            raise RefusedError(45059)
    for follower in found:
        if tag.tag_id in follower.tags:
            follower.tags.remove(tag.tag_id)
        follower.tags.append(tag.tag_id)
        tag.openids[follower.openid] = None
    return OK


def batchuntagging(call: Call) -> dict[str, Any]:
    body = call.json()
    found = [call.known(item) for item in call.openids(body, most=BATCH)]
    tag = _tag(call, body.get("tagid"))
    for follower in found:
        if tag.tag_id in follower.tags:
            follower.tags.remove(tag.tag_id)
            tag.openids.pop(follower.openid, None)
    return OK


def getidlist(call: Call) -> dict[str, Any]:
    return {"tagid_list": call.known(call.json().get("openid")).tags}


ENDPOINTS = {
    "cgi-bin/tags/create": Endpoint("POST", create, quota="tags/create"),
    "cgi-bin/tags/get": Endpoint("GET", get, quota="tags/get"),
    "cgi-bin/tags/update": Endpoint("POST", update, quota="tags/update"),
    "cgi-bin/tags/delete": Endpoint("POST", delete),
    "cgi-bin/user/tag/get": Endpoint("POST", members),
    "cgi-bin/tags/members/batchtagging": Endpoint("POST", batchtagging, quota="tags/members"),
    "cgi-bin/tags/members/batchuntagging": Endpoint("POST", batchuntagging, quota="tags/members"),
    "cgi-bin/tags/getidlist": Endpoint("POST", getidlist),
}
