"""Everybody who is served, customers or not: a row for each follower and each group chat.

Who is no customer has no id, and a masked name: the contacts of a member without the customer-contact function, and
strangers in group chats.
Source: WeCom server API, external contacts served (page 99434).
"""

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call
from simulator.chats.book import EXTERNAL, Chat, ChatBook
from simulator.customers.reading import readable
from simulator.customers.settings import CustomerSettings
from simulator.errors import ApiError
from simulator.records import Customer, Member

# Source: WeCom server API, external contacts served (page 99434).
ROWS_A_PAGE, CURSOR_LIFE_S = 1000, 4 * 3600


def contact_list(call: Call) -> dict[str, Any]:
    """One page of a walk. A new first page renews all temporary ids."""
    asked, now = call.json(), call.world.now()
    most = call.settings(CustomerSettings).contact_list_most
    limit = cursors.limit_of(asked, default=min(ROWS_A_PAGE, most), most=most)
    bound_to = cursors.bound(call, "contact_list")
    if asked.get("cursor"):
        place = cursors.unseal(asked["cursor"], bound_to=bound_to)
        if now >= int(place[1]) + CURSOR_LIFE_S:
            raise ApiError(50100)
    else:
        place = [secrets.token_hex(12), int(now), 0, ""]
    rows: list[dict[str, Any]] = []
    for behind, row in _rows(call, place):
        if len(rows) == limit:
            return {"info_list": rows, "next_cursor": cursors.seal(place, bound_to=bound_to)}
        rows.append(row)
        place = behind
    return {"info_list": rows, "next_cursor": ""}


def _rows(call: Call, place: cursors.Position) -> Iterator[tuple[cursors.Position, dict[str, Any]]]:
    """The rows beyond a place, each with the place behind it: first the followers', then the chats'."""
    walk, began, where, after = str(place[0]), place[1], place[2], str(place[3])
    book, first_chat = call.book(ChatBook), ""
    if isinstance(where, int):
        for number, member, key in _contacts(call, where, after):
            pair = member.pair_at(key)
            more = {"follow_userid": pair.userid, "add_time": pair.createtime}
            yield [walk, began, number, key], _row(pair.customer, walk, known=member.serves_customers, more=more)
    else:
        first_chat = where
    for chat in book.from_id(first_chat):
        for external_userid, known, more in _in_chat(call, chat):
            if chat.chat_id == where and external_userid <= after:
                continue
            row = _row(call.corp.customers[external_userid], walk, known=known, more=more)
            yield [walk, began, chat.chat_id, external_userid], row


def _contacts(call: Call, first: int, after: str) -> Iterator[tuple[int, Member, str]]:
    members = list(call.corp.members.values())
    for number in range(first, len(members)):
        member = members[number]
        if member.resigned or not call.sees(member):
            continue
        for key in member.keys_after(after if number == first else ""):
            if readable(call, member.pair_at(key)):
                yield number, member, key


def _in_chat(call: Call, chat: Chat) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """The external contacts of one chat, and whether they are customers; its owner serves, or it has no id either."""
    state = chat.seen(call.world.now())
    owner = call.corp.member(state.owner) if state is not None and not state.dismissed_at else None
    if state is None or owner is None or not call.sees(owner):
        return
    group = (
        {"chat_id": chat.chat_id}
        if owner.serves_customers
        else {"follow_userid": owner.userid, "chat_name": state.name}
    )
    for item in sorted(state.members.values(), key=lambda found: found.userid):
        customer = call.corp.customers.get(item.userid)
        if item.type == EXTERNAL and customer is not None:
            served = (call.corp.members[pair.userid.lower()] for pair in customer.pairs if readable(call, pair))
            yield item.userid, any(found.serves_customers for found in served), {**group, "add_time": item.join_time}


def _row(customer: Customer, walk: str, *, known: bool, more: dict[str, Any]) -> dict[str, Any]:
    temporary = hashlib.blake2b(customer.external_userid.encode(), key=walk.encode(), digest_size=20).hexdigest()
    shown = {"external_userid": customer.external_userid} if known else {"name": f"***{customer.name[-1:]}"}
    return {"is_customer": known, "tmp_openid": temporary, **shown, **more}
