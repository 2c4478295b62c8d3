"""A provider's id of a member (open_userid), and back.

Source: WeCom server API, id conversion (pages 97062, 95884 and 101521).
"""

import base64
import hashlib
from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.records import App, Corp, Member

MOST_IDS = 1000
PROVIDER = "suite"


def open_userid(corp: Corp, app: App, member: Member) -> str:
    """Always the same for a provider and a member."""
    told = f"{app.suite_id or app.secret}|{corp.corp_id}|{member.userid.lower()}".encode()
    return "woSim" + base64.urlsafe_b64encode(hashlib.blake2b(told, digest_size=18).digest()).decode()


def _ids(asked: dict[str, Any], key: str) -> list[str]:
    """ApiError 40063 when there are none, 40032 beyond 1000."""
    told = asked.get(key)
    if not told:
        raise ApiError(40063, detail=key)
    if not isinstance(told, list):
        raise ApiError(40058, detail=key)
    if len(told) > MOST_IDS:
        raise ApiError(40032)
    return [str(item) for item in told]


def _in_service(corp: Corp, *apps: App) -> dict[str, Member]:
    """By lower-cased userid, whom all these apps see."""
    members = corp.members.items()
    return {key: item for key, item in members if not item.resigned and all(corp.in_scope(app, item) for app in apps)}


def to_open(call: Call) -> dict[str, Any]:
    userids = _ids(call.json(), "userid_list")
    members = _in_service(call.corp, call.app)
    found = [(userid, members[userid.lower()]) for userid in userids if userid.lower() in members]
    return {
        "open_userid_list": [
            {"userid": userid, "open_userid": open_userid(call.corp, call.app, member)} for userid, member in found
        ],
        "invalid_userid_list": [userid for userid in userids if userid.lower() not in members],
    }


def to_plain(call: Call) -> dict[str, Any]:
    """`source_agentid` is the provider's app; whom it or the caller does not see is invalid, as is a plain userid."""
    asked = call.json()
    told, agent_id = _ids(asked, "open_userid_list"), asked.get("source_agentid")
    if not agent_id:
        raise ApiError(41011)
    apps = call.corp.apps.values()
    source = next((app for app in apps if app.kind == PROVIDER and app.agent_id == agent_id), None)
    if source is None:
        raise ApiError(40056)
    members = _in_service(call.corp, call.app, source).values()
    known = {open_userid(call.corp, source, member): member.userid for member in members}
    return {
        "userid_list": [{"open_userid": item, "userid": known[item]} for item in told if item in known],
        "invalid_open_userid_list": [item for item in told if item not in known],
    }
