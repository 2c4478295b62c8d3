"""Group chats made by an app: create, update, get, send.

Source: WeCom server API, group chats of an app (pages 90244, 90245, 98913 and 90248).
"""

import re
import secrets
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.appchats.book import Appchat, AppchatBook, Post
from simulator.appchats.membership import changed, check_count, named_members, owner_among
from simulator.appchats.settings import AppchatSettings
from simulator.errors import ApiError
from simulator.messages.limits import text_of
from simulator.messages.rules import GROUP_RULES, Sender, displayed

NAME_CHARACTERS = 50
CHATID = re.compile(r"[0-9A-Za-z]{1,32}")


def _check_scope(call: Call) -> None:
    """Only an app that sees the root department, and so everybody, has group chats."""
    if call.app.visible is not None:
        raise ApiError(60011)


def _chat(call: Call, chatid: Any) -> Appchat:
    _check_scope(call)
    if not chatid:
        raise ApiError(86201)
    chat = call.book(AppchatBook).chats.get(str(chatid))
    if chat is None:
        raise ApiError(call.settings(AppchatSettings).unknown_chat_errcode)
    if chat.agent_id != call.app.agent_id:
        raise ApiError(86008)
    return chat


def create(call: Call) -> dict[str, Any]:
    _check_scope(call)
    call.take("appchat/create", limit=call.settings(AppchatSettings).creates_per_day, window="day")
    body, chats = call.json(), call.book(AppchatBook).chats
    name = text_of(body, "name")
    if not name:
        raise ApiError(86202)
    userlist = named_members(call, body, "userlist")
    check_count(userlist)
    chatid = text_of(body, "chatid") or secrets.token_hex(16)
    if not CHATID.fullmatch(chatid):
        raise ApiError(86205 if len(chatid) > 32 else 86001)
    if chatid in chats:
        raise ApiError(86215)
    owner = owner_among(call, body, userlist) or secrets.choice(userlist)
    chats[chatid] = Appchat(chatid, name[:NAME_CHARACTERS], owner, userlist, call.app.agent_id)
    return {"chatid": chatid}


def update(call: Call) -> dict[str, Any]:
    """Nobody is changed when anything is wrong. An owner who is taken out must be replaced (86207)."""
    call.take("appchat/update", limit=call.settings(AppchatSettings).updates_per_hour, window="hour")
    body = call.json()
    chat = _chat(call, body.get("chatid"))
    userlist = changed(call, body, chat)
    owner = owner_among(call, body, userlist) or chat.owner
    if owner not in userlist:
        raise ApiError(86207)
    chat.name = text_of(body, "name")[:NAME_CHARACTERS] or chat.name
    chat.owner, chat.userlist = owner, userlist
    return {}


def get(call: Call) -> dict[str, Any]:
    chat = _chat(call, call.query.get("chatid"))
    return {
        "chat_info": {"chatid": chat.chatid, "name": chat.name, "owner": chat.owner, "userlist": chat.userlist},
    }


def send(call: Call) -> dict[str, Any]:
    """The answer has no msgid: the message cannot be taken back."""
    body = call.json()
    chat = _chat(call, body.get("chatid"))
    shown = displayed(body, Sender.of(call), GROUP_RULES)
    members = [userid for userid in chat.userlist if _in_service(call, userid)]
    _take_person_times(call, len(members))
    reached = [userid for userid in members if _has_room(call, userid)]
    dropped = [userid for userid in members if userid not in reached]
    payload = body[body["msgtype"]]
    chat.posts.append(Post(body["msgtype"], payload, shown, int(call.world.now()), reached, dropped))
    return {}


def _in_service(call: Call, userid: str) -> bool:
    member = call.corp.member(userid)
    return member is not None and not member.resigned


def _take_person_times(call: Call, persons: int) -> None:
    numbers = call.settings(AppchatSettings)
    for _ in range(persons):
        call.take("appchat/send", limit=numbers.person_times_per_minute, window="minute")
        call.take("appchat/send", limit=numbers.person_times_per_hour, window="hour")


def _has_room(call: Call, userid: str) -> bool:
    """Count one message for a member, from whichever chat; False when it is beyond the minute or the day."""
    numbers, limiter, now = call.settings(AppchatSettings), call.world.limiter, call.world.now()
    key = ("appchat member", call.corp.corp_id, userid)
    in_minute = limiter.take(key, numbers.member_per_minute, window="minute", now=now)
    return in_minute and limiter.take(key, numbers.member_per_day, window="day", now=now)


ENDPOINTS = {
    "appchat/create": Endpoint("POST", create),
    "appchat/update": Endpoint("POST", update),
    "appchat/get": Endpoint("GET", get),
    "appchat/send": Endpoint("POST", send),
}
