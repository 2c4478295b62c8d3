"""Which chat a join way leads into; when all are full, a new one is made.

Source: WeCom server API, join ways (page 92229).
"""

import random
from dataclasses import dataclass

from simulator.acting import ImpossibleError
from simulator.chats.book import Chat, ChatBook, ChatState, JoinWay
from simulator.chats.making import new_chat, newcomers, owner_of
from simulator.chats.settings import ChatSettings
from simulator.records import Corp, Member
from simulator.world import World


@dataclass(frozen=True)
class Entrance:
    """`is_new` when the chat was made for those who come."""

    way: JoinWay
    chat: Chat
    is_new: bool


def room_of(world: World, corp: Corp, config_id: str, *, coming: list[str], at: int) -> Entrance:
    """The first chat with room for those ids; ImpossibleError when there is none and the way makes no new ones."""
    book, settings = corp.book(ChatBook), world.settings(ChatSettings)
    way = book.ways.get(config_id)
    if way is None:
        raise ImpossibleError(f"no such join way: {config_id!r}")
    open_chats = [chat for chat in map(book.chats.get, way.chat_id_list) if chat and not chat.state.dismissed_at]
    for chat in open_chats:
        if len(chat.state.members) + len(coming) <= settings.most_members:
            return Entrance(way, chat, False)
    if not open_chats or not way.auto_create_room:
        raise ImpossibleError("every chat of the join way is full or gone")
    owner = owner_of(corp, open_chats[0].state.owner)
    if not coming or owner.userid in coming or len(coming) >= settings.most_members:
        raise ImpossibleError("nobody comes in, too many, or the owner")
    return Entrance(way, _another(world, corp, way, owner, at=at), True)


def _another(world: World, corp: Corp, way: JoinWay, owner: Member, *, at: int) -> Chat:
    name = f"{way.room_base_name}{way.room_base_id + way.created_count}" if way.room_base_name else ""
    way.created_count += 1
    state = ChatState(owner.userid, name).with_members(newcomers(corp, [owner.userid], at=at))
    settings = world.settings(ChatSettings)
    visible_at = world.now() + settings.detail_lag_s
    chat = new_chat(corp, state, random.Random(), create_time=at, visible_at=visible_at)
    if settings.way_gains_new_chat:
        way.chat_id_list.append(chat.chat_id)
    return chat
