"""Join ways: codes that lead into group chats. An app has only its own, and there is no list of them.

Source: WeCom server API, join ways (page 92229). Their quota is shared with contact ways.
"""

import secrets
from typing import Any

from simulator.api.calls import Call
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
    config_id = call.json().get("config_id") or ""
    if not config_id:
        raise ApiError(41043)
    way = call.book(ChatBook).ways.get(str(config_id))
    if way is None or way.app != call.app.secret:
        raise ApiError(call.settings(ChatSettings).unknown_way_code)
    return way


def _read(call: Call, config_id: str) -> JoinWay:
    """The way that the body describes; ApiError when something is missing, too long or no chat of the app's."""
    asked = call.json()
    scene = asked.get("scene")
    if scene is None:
        raise ApiError(40063, detail="scene")
    if scene not in {MINI_PROGRAM, QR_CODE}:
        raise ApiError(40058, detail="scene")
    for key, most in MOST_CHARACTERS.items():
        if len(asked.get(key) or "") > most:
            raise ApiError(40058, detail=f"field `{key}` exceed max length {most}")
    auto_create = asked.get("auto_create_room")
    return JoinWay(
        config_id,
        call.app.secret,
        scene,
        _chats(call, asked),
        remark=str(asked.get("remark") or "")[:MOST_REMARK],
        auto_create_room=1 if auto_create is None else int(bool(auto_create)),
        room_base_name=str(asked.get("room_base_name") or ""),
        room_base_id=int(asked.get("room_base_id") or 0),
        state=str(asked.get("state") or ""),
        mark_source=bool(asked.get("mark_source", True)),
        qr_code=f"https://p.qpic.example/wwhead/{secrets.token_hex(8)}/0" if scene == QR_CODE else "",
    )


def _chats(call: Call, asked: dict[str, Any]) -> list[str]:
    listed = asked.get("chat_id_list")
    if not listed:
        raise ApiError(40063, detail="chat_id_list")
    if not isinstance(listed, list):
        raise ApiError(40058, detail="chat_id_list")
    if len(listed) > MOST_CHATS:
        raise ApiError(41091)
    return [chat_of(call, chat_id)[0].chat_id for chat_id in listed]
