"""Statistics of group chats, by owner and by day.

Counted from the chats as they are now: who has left a chat since, and who owned it before, is not remembered.
Source: WeCom server API, statistics of group chats (page 92133).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.chats.book import Chat, ChatBook
from simulator.chats.settings import ChatSettings
from simulator.errors import ApiError
from simulator.statistics.book import DAY_S, DayBook, day_of
from simulator.statistics.days import days_asked, is_ready, shown

Json = dict[str, Any]
MOST_OWNERS, LIMIT, MOST_LIMIT = 100, 500, 1000
ORDERS = {1: "new_chat_cnt", 2: "chat_total", 3: "new_member_cnt", 4: "member_total"}


def statistic(call: Call) -> Json:
    asked = call.json()
    days, chats = _days(call, asked), _chats(call, asked)
    rows: list[Json] = [{"owner": owner, "data": _count(call, found, days)} for owner, found in chats.items()]
    order = ORDERS.get(asked.get("order_by") or 1)
    if order is None:
        raise ApiError(40058, detail="order_by")
    rows.sort(key=lambda row: row["data"][order], reverse=not asked.get("order_asc"))
    offset, limit = asked.get("offset") or 0, min(asked.get("limit") or LIMIT, MOST_LIMIT)
    if offset < 0 or limit < 1:
        raise ApiError(40058, detail="offset")
    page = rows[offset : offset + limit]
    return {"total": len(rows), "next_offset": min(offset + limit, len(rows)), "items": page}


def statistic_group_by_day(call: Call) -> Json:
    asked = call.json()
    days, found = _days(call, asked), [chat for owned in _chats(call, asked).values() for chat in owned]
    return {"items": [{"stat_time": day, "data": _count(call, found, [day])} for day in shown(call, days)]}


def _days(call: Call, asked: Json) -> list[int]:
    begin = asked.get("day_begin_time")
    return days_asked(call, begin, asked.get("day_end_time") or begin, latest=day_of(call.world.now()) - DAY_S)


def _chats(call: Call, asked: Json) -> dict[str, list[Chat]]:
    """The chats in the app's scope by owner; ApiError 81017 when nobody is named and the scope is large."""
    named = (asked.get("owner_filter") or {}).get("userid_list") or []
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


def _count(call: Call, chats: list[Chat], days: list[int]) -> Json:
    """New things of all days, totals of the last one; days that are not ready count for nothing."""
    ready = [day for day in days if is_ready(call, day)]
    begin, end = (ready[0], ready[-1] + DAY_S) if ready else (0, 0)
    alive = [chat for chat in chats if chat.create_time < end and not 0 < chat.state.dismissed_at < end]
    joined = [member.join_time for chat in alive for member in chat.state.members.values() if member.join_time < end]
    kept = call.book(DayBook).chats
    spoken = {chat.chat_id: [kept[day, chat.chat_id] for day in ready if (day, chat.chat_id) in kept] for chat in alive}
    return {
        "new_chat_cnt": sum(1 for chat in alive if chat.create_time >= begin),
        "chat_total": len(alive),
        "chat_has_msg": sum(1 for found in spoken.values() if found),
        "new_member_cnt": sum(1 for at in joined if at >= begin),
        "member_total": len(joined),
        "member_has_msg": sum(len(set().union(*(item.speakers for item in found))) for found in spoken.values()),
        "msg_total": sum(item.messages for found in spoken.values() for item in found),
        "migrate_trainee_chat_cnt": 0,
    }


ENDPOINTS = {
    "externalcontact/groupchat/statistic": Endpoint("POST", statistic, {"items": []}, True),
    "externalcontact/groupchat/statistic_group_by_day": Endpoint("POST", statistic_group_by_day, {"items": []}, True),
}
