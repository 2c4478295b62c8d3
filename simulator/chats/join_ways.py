"""Join ways: codes that lead into group chats. An app has only its own, and there is no list of them.

Source: WeCom server API, join ways (page 92229). Their quota is shared with contact ways.
"""

import secrets
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import flag, number, text, texts
from simulator.chats.book import ChatBook, JoinWay
from simulator.chats.finding import chat_of
from simulator.chats.settings import ChatSettings
from simulator.contact_ways.book import ContactWayBook
from simulator.contact_ways.settings import ContactWaySettings
from simulator.errors import ApiError

MINI_PROGRAM, QR_CODE = 1, 2
MOST_CHATS, MOST_REMARK = 5, 30
MOST_CHARACTERS = {"state": 30, "room_base_name": 40}
SHOWN = (
    "config_id", "scene", "remark", "auto_create_room", "room_base_name", "room_base_id", "chat_id_list", "qr_code",
    "state", "mark_source",
)  # fmt: skip


def add_join_way(call: Call) -> dict[str, Any]:
    way = _read(call, secrets.token_hex(16))
    call.book(ContactWayBook).take_quota()
    call.book(ChatBook).ways[way.config_id] = way
    return {"config_id": way.config_id}


def get_join_way(call: Call) -> dict[str, Any]:
    """What the way does not have, such as the code of a mini-program plugin, is absent."""
    way = _own(call)
    shown = {key: getattr(way, key) for key in SHOWN}
    return {"join_way": {key: value for key, value in shown.items() if value != "" or key in {"remark", "state"}}}


def update_join_way(call: Call) -> dict[str, Any]:
    """Everything is overwritten; what is not said goes back to its default."""
    earlier = _own(call)
    way = _read(call, earlier.config_id)
    way.qr_code = earlier.qr_code if way.scene == earlier.scene else way.qr_code
    way.created_count = earlier.created_count
    call.book(ChatBook).ways[way.config_id] = way
    return {}


def del_join_way(call: Call) -> dict[str, Any]:
    del call.book(ChatBook).ways[_own(call).config_id]
    if call.settings(ContactWaySettings).deleting_frees_quota:
        call.book(ContactWayBook).give_back_quota()
    return {}


def _own(call: Call) -> JoinWay:
    config_id = text(call.json(), "config_id")
    if not config_id:
        raise ApiError(41043)
    way = call.book(ChatBook).ways.get(config_id)
    if way is None or way.app != call.app.secret:
        raise ApiError(call.settings(ChatSettings).unknown_way_code)
    return way


def _read(call: Call, config_id: str) -> JoinWay:
    """The way that the body describes; ApiError when something is missing, too long or no chat of the app's."""
    asked = call.json()
    scene = number(asked, "scene")
    if not scene:
        raise ApiError(40063, detail="scene")
    if scene not in {MINI_PROGRAM, QR_CODE}:
        raise ApiError(40058, detail="scene")
    for key, most in MOST_CHARACTERS.items():
        if len(text(asked, key)) > most:
            raise ApiError(40058, detail=f"field `{key}` exceed max length {most}")
    if number(asked, "room_base_id") < 0:
        raise ApiError(40058, detail="room_base_id")
    return JoinWay(
        config_id,
        call.app.secret,
        scene,
        _chats(call, asked),
        remark=text(asked, "remark")[:MOST_REMARK],
        auto_create_room=int(flag(asked, "auto_create_room", default=True)),
        room_base_name=text(asked, "room_base_name"),
        room_base_id=number(asked, "room_base_id"),
        state=text(asked, "state"),
        mark_source=flag(asked, "mark_source", default=True),
        qr_code=f"https://p.qpic.example/wwhead/{secrets.token_hex(8)}/0" if scene == QR_CODE else "",
    )


def _chats(call: Call, asked: dict[str, Any]) -> list[str]:
    listed = texts(asked, "chat_id_list")
    if not listed:
        raise ApiError(40063, detail="chat_id_list")
    if len(listed) > MOST_CHATS:
        raise ApiError(41091)
    return [chat_of(call, chat_id)[0].chat_id for chat_id in dict.fromkeys(listed)]
