"""Which chat a join way leads into; when all are full, a new one is made.

Source: WeCom server API, join ways (page 92229).
"""

import random
from dataclasses import dataclass

from simulator.acting import ImpossibleError
from simulator.chats.book import Chat, ChatBook, ChatState, JoinWay
from simulator.chats.making import new_chat, newcomers, owner_of
from simulator.chats.settings import ChatSettings
from simulator.records import Corp
from simulator.world import World


@dataclass(frozen=True)
class Entrance:
    """`is_new` when the chat was made for those who come."""

    way: JoinWay
    chat: Chat
    is_new: bool


def room_of(world: World, corp: Corp, config_id: str, *, coming: int, at: int) -> Entrance:
    """The first chat with room; ImpossibleError when there is none and the way makes no new ones."""
    book, settings = corp.book(ChatBook), world.settings(ChatSettings)
    way = book.ways.get(config_id)
    if way is None:
        raise ImpossibleError(f"no such join way: {config_id!r}")
    open_chats = [chat for chat in map(book.chats.get, way.chat_id_list) if chat and not chat.state.dismissed_at]
    for chat in open_chats:
        if len(chat.state.members) + coming <= settings.most_members:
            return Entrance(way, chat, False)
    if not open_chats or not way.auto_create_room:
        raise ImpossibleError("every chat of the join way is full or gone")
    return Entrance(way, _another(world, corp, way, open_chats[0], at=at), True)


def _another(world: World, corp: Corp, way: JoinWay, pattern: Chat, *, at: int) -> Chat:
    owner = owner_of(corp, pattern.state.owner)
    name = f"{way.room_base_name}{way.room_base_id + way.created_count}" if way.room_base_name else ""
    way.created_count += 1
    state = ChatState(owner.userid, name).with_members(newcomers(corp, [owner.userid], at=at))
    settings = world.settings(ChatSettings)
    visible_at = world.now() + settings.detail_lag_s
    chat = new_chat(corp, state, random.Random(), create_time=at, visible_at=visible_at)
    if settings.way_gains_new_chat:
        way.chat_id_list.append(chat.chat_id)
    return chat
