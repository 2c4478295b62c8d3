"""Find the chat that a call names, as far as the app may see it.

Source: WeCom server API, customer groups (pages 92120 and 92122), global error codes (page 90313).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.chats.book import Chat, ChatBook, ChatState
from simulator.chats.settings import ChatSettings
from simulator.errors import ApiError


def chat_of(call: Call, chat_id: Any) -> tuple[Chat, ChatState]:
    """The chat and what reads show of it; ApiError when it is unknown, dismissed, out of scope or no customer group."""
    if not chat_id:
        raise ApiError(40063, detail="chat_id")
    if not isinstance(chat_id, str):
        raise ApiError(40058, detail="chat_id")
    chat = call.book(ChatBook).chats.get(chat_id)
    state = chat.seen(call.world.now()) if chat else None
    if chat is None or state is None:
        raise ApiError(40050)
    if state.dismissed_at:
        raise ApiError(49008)
    owner = call.corp.members[state.owner.lower()]
    if not call.sees(owner):
        raise ApiError(call.settings(ChatSettings).out_of_scope_code)
    if not owner.has_customer_contact:
        raise ApiError(90501)
    return chat, state
