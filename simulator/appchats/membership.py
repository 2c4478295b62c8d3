"""Who is in a group chat made by an app.

Source: WeCom server API, group chats of an app (pages 90245 and 98913), global error codes (page 90313).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.appchats.book import Appchat
from simulator.errors import ApiError

LEAST_MEMBERS, MOST_MEMBERS = 2, 2000


def named_members(call: Call, body: dict[str, Any], key: str) -> list[str]:
    """Their userids as the corp spells them, each once; ApiError 86216 when one is no member in service."""
    names = body.get(key) or []
    if not isinstance(names, list):
        raise ApiError(40058, detail=key)
    return list(dict.fromkeys(_userid(call, name) for name in names))


def _userid(call: Call, name: Any) -> str:
    member = call.corp.member(str(name))
    if member is None or member.resigned:
        raise ApiError(86216)
    return member.userid


def check_count(userlist: list[str]) -> None:
    if not LEAST_MEMBERS <= len(userlist) <= MOST_MEMBERS:
        raise ApiError(86006)


def owner_among(call: Call, body: dict[str, Any], userlist: list[str]) -> str:
    """The named owner, "" when none is named; ApiError 86207 when the owner is not in the chat."""
    if not body.get("owner"):
        return ""
    owner = call.corp.member(str(body["owner"]))
    if owner is None or owner.userid not in userlist:
        raise ApiError(86207)
    return owner.userid


def changed(call: Call, body: dict[str, Any], chat: Appchat) -> list[str]:
    """The members after the change; ApiError 86216 when somebody is taken out who is not in the chat."""
    added = named_members(call, body, "add_user_list")
    removed = {str(name).lower() for name in body.get("del_user_list") or []}
    if removed - {userid.lower() for userid in chat.userlist}:
        raise ApiError(86216)
    userlist = [userid for userid in dict.fromkeys(chat.userlist + added) if userid.lower() not in removed]
    check_count(userlist)
    return userlist
