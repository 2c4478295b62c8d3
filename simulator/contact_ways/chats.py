"""Temporary chats: they begin with the friend who scanned the way, and end by the clock or by a call."""

from simulator.contact_ways.book import ContactWay, ContactWayBook, TempChat
from simulator.records import Corp
from simulator.world import World


def close(chat: TempChat) -> None:
    chat.closed = True
    chat.shown = chat.conclusion


def begin(world: World, corp: Corp, way: ContactWay, *, userid: str, external_userid: str, at: int) -> None:
    """The way is used up, the chat runs."""
    way.used = True
    chat = TempChat(userid, external_userid, way.config_id, at + way.chat_expires_in, conclusion=way.conclusions)
    corp.book(ContactWayBook).temp_chats[userid, external_userid] = chat

    def end(at: int) -> None:  # noqa: ARG001 - Later is given its time
        if not chat.closed:
            close(chat)

    world.later(chat.ends_at, end)
