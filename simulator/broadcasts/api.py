"""Group messages: made by software, sent by members, read by polling.

Source: WeCom server API, group messages (pages 92135, 97610, 97611 and 93338).
"""

import secrets
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.api.fields import flag, number, text
from simulator.broadcasts.book import BY_CORP, BY_MEMBER, GROUP, SINGLE, Broadcast, BroadcastBook, RowStatus, Task
from simulator.broadcasts.choosing import choose_chats, choose_customers
from simulator.broadcasts.content import check_content
from simulator.broadcasts.sending import confirm_later
from simulator.broadcasts.settings import BroadcastSettings
from simulator.customers.subjects import outward
from simulator.errors import ApiError

Json = dict[str, Any]
REMINDERS, REMINDER_WINDOW_S = 3, 86_400
LONGEST_SPAN_S = 31 * 86_400
EVERYTHING = 2


def _chat_type(asked: Json) -> str:
    chat_type = text(asked, "chat_type")
    if chat_type not in (SINGLE, GROUP):
        raise ApiError(40058 if chat_type else 40063, detail="chat_type")
    return chat_type


def add_msg_template(call: Call) -> Json:
    """Ask the members; nothing is sent by the call. ApiError 41048 when nobody can be sent to."""
    asked = call.json()
    chat_type = _chat_type({"chat_type": SINGLE, **asked})
    content = check_content(call, asked)
    tasks, failed = choose_chats(call, asked) if chat_type == GROUP else choose_customers(call, asked)
    if not tasks:
        raise ApiError(41048, more={"fail_list": failed})
    now = call.world.now()
    broadcast = Broadcast(
        msgid=f"msgSim{secrets.token_urlsafe(18)}",
        chat_type=chat_type,
        content=content,
        create_time=int(now),
        dispatched_at=now + call.settings(BroadcastSettings).dispatch_s,
        allow_select=flag(asked, "allow_select") and chat_type == SINGLE,
        tasks=tasks,
    )
    call.book(BroadcastBook).sent[broadcast.msgid] = broadcast
    confirm_later(call.world, call.corp, broadcast)
    return {"fail_list": failed, "msgid": broadcast.msgid}


def _broadcast(call: Call, asked: Json) -> Broadcast:
    if not asked.get("msgid"):
        raise ApiError(41046)
    found = call.book(BroadcastBook).sent.get(text(asked, "msgid"))
    if found is None:
        raise ApiError(41047)
    return found


def _dispatched(call: Call, asked: Json) -> Broadcast:
    found = _broadcast(call, asked)
    if call.world.now() < found.dispatched_at:
        raise ApiError(41063)
    return found


def remind_groupmsg_send(call: Call) -> Json:
    broadcast, now = _broadcast(call, call.json()), call.world.now()
    if broadcast.cancelled:
        raise ApiError(41093)
    recent = [at for at in broadcast.reminded_at if at > now - REMINDER_WINDOW_S]
    if len(recent) >= REMINDERS:
        raise ApiError(41094)
    broadcast.reminded_at.append(now)
    return {}


def cancel_groupmsg_send(call: Call) -> Json:
    """Whoever has not sent will not; what was sent stays sent."""
    broadcast = _broadcast(call, call.json())
    if broadcast.cancelled:
        raise ApiError(41093)
    broadcast.cancelled = True
    return {}


def get_groupmsg_list_v2(call: Call) -> Json:
    asked = call.json()
    chat_type, start, end = _chat_type(asked), number(asked, "start_time"), number(asked, "end_time")
    if not start or not end:
        raise ApiError(40063, detail="start_time")
    if not 0 <= end - start <= LONGEST_SPAN_S:
        raise ApiError(40058, detail="end_time")
    creator, kind = text(asked, "creator").lower(), asked.get("filter_type", EVERYTHING)
    if kind not in (BY_CORP, BY_MEMBER, EVERYTHING):
        raise ApiError(40058, detail="filter_type")
    rows = [
        _view(item)
        for item in call.book(BroadcastBook).sent.values()
        if item.chat_type == chat_type
        and start <= item.create_time <= end
        and creator in ("", item.creator.lower())
        and kind in (EVERYTHING, BY_MEMBER if item.creator else BY_CORP)
        and any(_in_scope(call, userid) for userid in item.tasks)
    ]
    return _page(call, asked, "group_msg_list", rows, default=50, most=100)


def _view(broadcast: Broadcast) -> Json:
    """A mini program comes without its picture."""
    attachments = [
        {key: {name: item[key][name] for name in item[key] if name != "pic_media_id"} if key != "msgtype" else item[key]
         for key in item}
        for item in broadcast.content["attachments"]
    ]  # fmt: skip
    view: Json = {
        "msgid": broadcast.msgid,
        "create_time": broadcast.create_time,
        "create_type": BY_MEMBER if broadcast.creator else BY_CORP,
        "text": broadcast.content["text"],
        "attachments": attachments,
    }
    return {**view, "creator": broadcast.creator} if broadcast.creator else view


def _in_scope(call: Call, userid: str) -> bool:
    member = call.corp.member(userid)
    return member is not None and call.sees(member)


def _page(call: Call, asked: Json, key: str, rows: list[Any], *, default: int = 500, most: int = 1000) -> Json:
    """A limit over the most falls back to the default."""
    limit = cursors.limit_of(asked, default=default, most=most, over="default")
    filters = {name: value for name, value in asked.items() if name not in ("cursor", "limit")}
    bound_to = cursors.bound(call, key, *sorted(filters.items()))
    page, next_cursor = cursors.page(rows, cursor=asked.get("cursor"), limit=limit, bound_to=bound_to)
    return {key: page, "next_cursor": next_cursor}


def get_groupmsg_task(call: Call) -> Json:
    asked = call.json()
    tasks = [task for task in _dispatched(call, asked).tasks.values() if _in_scope(call, task.userid)]
    rows = [
        {"userid": task.userid, "status": task.status, **({"send_time": task.send_time} if task.send_time else {})}
        for task in tasks
    ]
    return _page(call, asked, "task_list", rows)


def get_groupmsg_send_result(call: Call) -> Json:
    """What one member sent; a group message shows the chats that got it, and no others."""
    asked = call.json()
    broadcast, member = _dispatched(call, asked), call.member(text(asked, "userid"))
    task = broadcast.tasks.get(member.userid) or Task(member.userid, [])
    targets = task.targets
    if broadcast.chat_type == GROUP:
        targets = [item for item in targets if task.result(item)[0] is RowStatus.SENT]
    answer = _page(call, asked, "send_list", targets)
    return {**answer, "send_list": [_row(call, broadcast, task, target) for target in answer["send_list"]]}


def _row(call: Call, broadcast: Broadcast, task: Task, target: str) -> Json:
    status, at = task.result(target)
    who = {"chat_id": target} if broadcast.chat_type == GROUP else {"external_userid": outward(call, target)}
    row = {**who, "userid": task.userid, "status": status}
    return {**row, "send_time": at} if status is RowStatus.SENT else row


ENDPOINTS = {
    "externalcontact/add_msg_template": Endpoint("POST", add_msg_template, {"fail_list": []}, True),
    "externalcontact/remind_groupmsg_send": Endpoint("POST", remind_groupmsg_send, {}, True),
    "externalcontact/cancel_groupmsg_send": Endpoint("POST", cancel_groupmsg_send, {}, True),
    "externalcontact/get_groupmsg_list_v2": Endpoint("POST", get_groupmsg_list_v2, {"group_msg_list": []}, True),
    "externalcontact/get_groupmsg_task": Endpoint("POST", get_groupmsg_task, {"task_list": []}, True),
    "externalcontact/get_groupmsg_send_result": Endpoint("POST", get_groupmsg_send_result, {"send_list": []}, True),
}
