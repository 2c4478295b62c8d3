"""get_user_behavior_data: what members and customers did, by day.

Source: WeCom server API, statistics of members (page 92132).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import numbers, texts
from simulator.errors import ApiError
from simulator.statistics.book import DayBook, MemberDay, day_of
from simulator.statistics.days import days_asked, is_ready, shown

Json = dict[str, Any]
MOST_NAMES = 100


def get_user_behavior_data(call: Call) -> Json:
    """One series: the members that were named are summed."""
    asked = call.json()
    userids = _userids(call, asked)
    today = day_of(call.world.now())
    days = days_asked(call, asked.get("start_time"), asked.get("end_time"), latest=today)
    return {"behavior_data": [_row(call, day, userids) for day in shown(call, days)]}


def _userids(call: Call, asked: Json) -> list[str]:
    users, parties = texts(asked, "userid"), numbers(asked, "partyid")
    if not users and not parties:
        raise ApiError(40063, detail="userid")
    if len(users) > MOST_NAMES or len(parties) > MOST_NAMES:
        raise ApiError(40058, detail="userid")
    if any(party not in call.corp.departments for party in parties):
        raise ApiError(60123)
    inside = {item.department_id for party in parties for item in call.corp.descendants(party)}
    found = [call.member(userid) for userid in users]
    found += [item for item in call.corp.members.values() if inside & set(item.departments) and call.sees(item)]
    return list(dict.fromkeys(member.userid for member in found))


def _row(call: Call, day: int, userids: list[str]) -> Json:
    kept = call.book(DayBook).members
    found = [kept[day, userid] for userid in userids if (day, userid) in kept] if is_ready(call, day) else []
    row: Json = {
        "stat_time": day,
        "chat_cnt": sum(len(item.chats) for item in found),
        "message_cnt": sum(item.messages for item in found),
        "negative_feedback_cnt": sum(item.feedback for item in found),
        "new_apply_cnt": sum(item.applies for item in found),
        "new_contact_cnt": sum(item.contacts for item in found),
    }
    return {**row, **_replies(found)} if row["chat_cnt"] else row


def _replies(found: list[MemberDay]) -> Json:
    """Of the chats that customers began: the share that was answered, and the minutes it took."""
    asked, waits = sum(len(item.asked) for item in found), [wait for item in found for wait in item.replied.values()]
    return {
        "reply_percentage": round(100 * len(waits) / asked, 2) if asked else 0.0,
        "avg_reply_time": round(sum(waits) / len(waits) / 60) if waits else 0,
    }


ENDPOINTS = {
    "externalcontact/get_user_behavior_data": Endpoint("POST", get_user_behavior_data, {"behavior_data": []}, True)
}
