"""Remind the owner of chats of an event (GRP-6)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import CHAT_EVENT
from services.planning import Fact
from services.watching.model import ChatEventDue
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, ChatEventDue)
    return {
        "event": people.chat_event(fact.event_id),
        "chat": people.chat(fact.chat_id) if fact.chat_id else "",
        "count": str(fact.chat_count),
        "starts_at": fact.starts_at,
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(CHAT_EVENT, values, page="chat-events")
