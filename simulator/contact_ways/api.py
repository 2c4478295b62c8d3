"""Contact ways and temporary chats.

Source: WeCom server API, contact ways (page 92228).
"""

import secrets
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.api.fields import flag, number, text
from simulator.contact_ways.book import ContactWay, ContactWayBook
from simulator.contact_ways.chats import close
from simulator.contact_ways.rules import BUTTON, DAY_S, QR_CODE, SINGLE, check_kind, overlay
from simulator.contact_ways.settings import ContactWaySettings
from simulator.customers.subjects import customer_of
from simulator.errors import ApiError
from simulator.statistics.book import day_of

Json = dict[str, Any]
# Ways that are older than 2021-07-10 (UTC+8) are in no list.
FIRST_LISTED = 1_625_846_400
LISTED_DAYS = 90
MOST_TEMP_A_DAY = 100_000


def add_contact_way(call: Call) -> Json:
    asked, book = call.json(), call.book(ContactWayBook)
    kind, scene = check_kind(asked)
    is_temp = flag(asked, "is_temp")
    if is_temp and kind != SINGLE:
        raise ApiError(40058, detail="is_temp")
    now = int(call.world.now())
    blank = ContactWay(secrets.token_hex(16), kind, scene, now, is_temp=is_temp)
    way = overlay(call, blank, {"user": [], "party": [], **asked})
    if is_temp:
        _take_temp(book, now=now)
    else:
        book.take_quota()
    if scene == QR_CODE:
        way.qr_code = f"https://wework.qpic.example/wwpic/{way.config_id}/0"
    book.ways[way.config_id] = way
    return {"config_id": way.config_id, **({"qr_code": way.qr_code} if way.qr_code else {})}


def _take_temp(book: ContactWayBook, *, now: int) -> None:
    today = day_of(now)
    if book.temp_days.get(today, 0) >= MOST_TEMP_A_DAY:
        raise ApiError(41045)
    book.temp_days[today] = book.temp_days.get(today, 0) + 1


def _way(call: Call, asked: Json) -> ContactWay:
    if not asked.get("config_id"):
        raise ApiError(41043)
    way = call.book(ContactWayBook).ways.get(text(asked, "config_id"))
    if way is None:
        raise ApiError(41044)
    return way


def get_contact_way(call: Call) -> Json:
    way = _way(call, call.json())
    view: Json = {
        "config_id": way.config_id,
        "type": way.kind,
        "scene": way.scene,
        "remark": way.remark,
        "skip_verify": way.skip_verify,
        "state": way.state,
        "user": list(way.users),
        "party": list(way.parties),
        "is_temp": way.is_temp,
        "mark_source": way.mark_source,
    }
    if way.scene == BUTTON:
        view["style"] = way.style
    else:
        view["qr_code"] = way.qr_code
    if way.is_temp:
        view |= {"expires_in": way.expires_in, "chat_expires_in": way.chat_expires_in}
        view |= {key: value for key, value in (("unionid", way.unionid), ("conclusions", way.conclusions)) if value}
    return {"contact_way": view}


def list_contact_way(call: Call) -> Json:
    """By the time of creation; the oldest and the temporary ones are in no list."""
    asked, now = call.json(), int(call.world.now())
    start, end = number(asked, "start_time", default=now - LISTED_DAYS * DAY_S), number(asked, "end_time", default=now)
    found = [
        {"config_id": way.config_id}
        for way in call.book(ContactWayBook).ways.values()
        if not way.is_temp and way.created_at >= FIRST_LISTED and start <= way.created_at <= end
    ]
    page, next_cursor = cursors.page(
        found,
        cursor=asked.get("cursor"),
        limit=cursors.limit_of(asked, default=100, most=1000),
        bound_to=cursors.bound(call, "list_contact_way", asked.get("start_time"), asked.get("end_time")),
    )
    return {"contact_way": page, "next_cursor": next_cursor}


def update_contact_way(call: Call) -> Json:
    """What is given overwrites; type and scene stay as they are."""
    asked = call.json()
    way = _way(call, asked)
    if way.is_temp and (way.used or call.world.now() >= way.created_at + way.expires_in):
        raise ApiError(call.settings(ContactWaySettings).expired_way_code)
    call.book(ContactWayBook).ways[way.config_id] = overlay(call, way, asked)
    return {}


def del_contact_way(call: Call) -> Json:
    book, way = call.book(ContactWayBook), _way(call, call.json())
    del book.ways[way.config_id]
    if not way.is_temp and call.settings(ContactWaySettings).deleting_frees_quota:
        book.give_back_quota()
    return {}


def close_temp_chat(call: Call) -> Json:
    """The customer gets the conclusion, and then the chat is over."""
    asked = call.json()
    member = call.member(text(asked, "userid"))
    customer = customer_of(call, asked.get("external_userid"))
    chat = call.book(ContactWayBook).temp_chats.get((member.userid, customer.external_userid))
    if chat is None or chat.closed:
        raise ApiError(call.settings(ContactWaySettings).no_temp_chat_code)
    close(chat)
    return {}


ENDPOINTS = {
    "externalcontact/add_contact_way": Endpoint("POST", add_contact_way, {}, True),
    "externalcontact/get_contact_way": Endpoint("POST", get_contact_way, {}, True),
    "externalcontact/list_contact_way": Endpoint("POST", list_contact_way, {"contact_way": []}, True),
    "externalcontact/update_contact_way": Endpoint("POST", update_contact_way, {}, True),
    "externalcontact/del_contact_way": Endpoint("POST", del_contact_way, {}, True),
    "externalcontact/close_temp_chat": Endpoint("POST", close_temp_chat, {}, True),
}
