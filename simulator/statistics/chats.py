"""Statistics of group chats, by owner and by day.

Counted from the chats as they are now: who has left a chat since, and who owned it before, is not remembered.
Source: WeCom server API, statistics of group chats (page 92133).
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import flag, number, part, texts
from simulator.chats.book import Chat, ChatBook
from simulator.chats.settings import ChatSettings
from simulator.errors import ApiError
from simulator.statistics.book import DAY_S, ChatDay, DayBook, day_of
from simulator.statistics.days import days_asked, is_ready, shown

Json = dict[str, Any]
MOST_OWNERS, LIMIT, MOST_LIMIT = 100, 500, 1000
ORDERS = {1: "new_chat_cnt", 2: "chat_total", 3: "new_member_cnt", 4: "member_total"}


def statistic(call: Call) -> Json:
    asked = call.json()
    days, chats = _days(call, asked), _chats(call, asked)
    rows: list[Json] = [{"owner": owner, "data": _count(call, _stories(found), days)} for owner, found in chats.items()]
    order = ORDERS.get(number(asked, "order_by", default=1))
    if order is None:
        raise ApiError(40058, detail="order_by")
    rows.sort(key=lambda row: row["data"][order], reverse=not flag(asked, "order_asc"))
    offset, limit = number(asked, "offset"), min(number(asked, "limit", default=LIMIT), MOST_LIMIT)
    if offset < 0 or limit < 1:
        raise ApiError(40058, detail="offset")
    page = rows[offset : offset + limit]
    return {"total": len(rows), "next_offset": min(offset + limit, len(rows)), "items": page}


def statistic_group_by_day(call: Call) -> Json:
    asked = call.json()
    days, chats = _days(call, asked), _chats(call, asked)
    stories = [story for owned in chats.values() for story in _stories(owned)]
    return {"items": [{"stat_time": day, "data": _count(call, stories, [day])} for day in shown(call, days)]}


def _days(call: Call, asked: Json) -> list[int]:
    begin = asked.get("day_begin_time")
    return days_asked(call, begin, asked.get("day_end_time") or begin, latest=day_of(call.world.now()) - DAY_S)


def _chats(call: Call, asked: Json) -> dict[str, list[Chat]]:
    """The chats in the app's scope by owner; ApiError 81017 when nobody is named and the scope is large."""
    named = texts(part(asked, "owner_filter"), "userid_list")
    if len(named) > MOST_OWNERS:
        raise ApiError(40058, detail="owner_filter")
    wanted = {call.member(userid).userid for userid in named}
    if not named:
        in_scope = sum(1 for member in call.corp.members.values() if call.sees(member))
        if in_scope > call.settings(ChatSettings).most_unfiltered:
            raise ApiError(81017)
    found: dict[str, list[Chat]] = {}
    for chat in call.book(ChatBook).chats.values():
        owner = call.corp.member(chat.state.owner)
        if owner is not None and call.sees(owner) and (owner.userid in wanted or not named):
            found.setdefault(owner.userid, []).append(chat)
    return found


@dataclass(frozen=True)
class Story:
    """What counts of a chat: when it began and ended (0: it did not), and when those who are in it came, in order."""

    chat_id: str
    began: int
    ended: int
    joined: list[int]


def _stories(chats: list[Chat]) -> list[Story]:
    return [
        Story(
            chat.chat_id,
            chat.create_time,
            chat.state.dismissed_at,
            sorted(member.join_time for member in chat.state.members.values()),
        )
        for chat in chats
    ]


def _count(call: Call, stories: list[Story], days: list[int]) -> Json:
    """New things of all days, totals of the last one; days that are not ready count for nothing."""
    ready = [day for day in days if is_ready(call, day)]
    begin, end = (ready[0], ready[-1] + DAY_S) if ready else (0, 0)
    alive = [item for item in stories if item.began < end and not 0 < item.ended < end]
    inside = [bisect_left(item.joined, end) for item in alive]
    present = {item.chat_id for item in alive}
    spoken: dict[str, list[ChatDay]] = {}
    for day in ready:
        for chat_id, found in call.book(DayBook).chats.get(day, {}).items():
            if chat_id in present:
                spoken.setdefault(chat_id, []).append(found)
    return {
        "new_chat_cnt": sum(1 for item in alive if item.began >= begin),
        "chat_total": len(alive),
        "chat_has_msg": len(spoken),
        "new_member_cnt": sum(inside) - sum(bisect_left(item.joined, begin) for item in alive),
        "member_total": sum(inside),
        "member_has_msg": sum(len(set().union(*(item.speakers for item in found))) for found in spoken.values()),
        "msg_total": sum(item.messages for found in spoken.values() for item in found),
        "migrate_trainee_chat_cnt": 0,
    }


ENDPOINTS = {
    "externalcontact/groupchat/statistic": Endpoint("POST", statistic, {"items": []}, True),
    "externalcontact/groupchat/statistic_group_by_day": Endpoint("POST", statistic_group_by_day, {"items": []}, True),
}
