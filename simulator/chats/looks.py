"""The chats and the join ways as they are, with no lag and no scope."""

from dataclasses import asdict
from typing import Any

from simulator.chats.book import Chat, ChatBook
from simulator.records import Corp
from simulator.world import World


def _row(corp: Corp, chat: Chat) -> dict[str, Any]:
    state = chat.state
    return {
        "chat_id": chat.chat_id,
        "opengid": chat.opengid,
        "create_time": chat.create_time,
        "status": int(chat.status(corp)),
        "heir": chat.heir,
        "owner": state.owner,
        "name": state.name,
        "notice": state.notice,
        "admins": state.admins,
        "member_version": state.member_version,
        "dismissed_at": state.dismissed_at,
        "members": [asdict(item) for item in state.members.values()],
    }


def chats(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    return [_row(corp, chat) for chat in corp.book(ChatBook).chats.values()]


def join_ways(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    return [asdict(way) for way in corp.book(ChatBook).ways.values()]


LOOKS = {"chats": chats, "join_ways": join_ways}
