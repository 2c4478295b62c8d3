"""People talk. Nobody is told, but it is counted, ends the time for a welcome and decides who broadcasts to whom."""

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.chats.book import ChatBook
from simulator.records import Corp, PairState
from simulator.statistics.book import DayBook, day_of
from simulator.world import World

SIDES = ("customer", "member")


def talk(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """`messages` from one side (`by`); with `reply_after_s` the member answers what the customer began."""
    member = corp.member(str(order["userid"]))
    pair = member.pairs.get(str(order["external_userid"])) if member else None
    if member is None or pair is None or pair.state is not PairState.ACTIVE:
        raise ImpossibleError("the two are no friends")
    by, messages = order.get("by", "customer"), int(order.get("messages", 1))
    if by not in SIDES:
        raise ValueError(f"by must be one of {', '.join(SIDES)}")
    book, external_userid = corp.book(DayBook), pair.customer.external_userid
    day = book.members[day_of(at), member.userid]
    if by == "customer" and external_userid not in day.chats:
        day.asked.add(external_userid)
    day.chats.add(external_userid)
    day.messages += messages if by == "member" else 0
    if "reply_after_s" in order and external_userid in day.asked:
        day.messages += 1
        day.replied.setdefault(external_userid, int(order["reply_after_s"]))
    book.last_talk[member.userid, external_userid] = at
    return Outcome()


def talk_in_chat(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """`userid` is the id of a member or of an external contact who is in the chat."""
    chat, speaker = corp.book(ChatBook).chats.get(str(order["chat_id"])), str(order["userid"])
    if chat is None or chat.state.dismissed_at or speaker not in chat.state.members:
        raise ImpossibleError("not in the chat")
    day = corp.book(DayBook).chat_on(day_of(at), chat.chat_id)
    day.messages += int(order.get("messages", 1))
    day.speakers.add(speaker)
    return Outcome()


ACTS = {"talk": talk, "talk_in_chat": talk_in_chat}
