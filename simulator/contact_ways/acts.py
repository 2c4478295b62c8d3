"""A customer scans a contact way; ways that software made before the simulator began."""

import secrets

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.contact_ways.book import QUOTA, ContactWay, ContactWayBook
from simulator.contact_ways.chats import begin
from simulator.contact_ways.rules import expanded
from simulator.customers.acts import ACTS as CUSTOMER_ACTS
from simulator.records import Corp
from simulator.world import World

BY_QR_CODE = 1


def scan(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Become friends by a contact way: `config_id`, and what `add` may say of the customer.

    A way with verification needs `accepted`: without it the member has not answered, and nothing happens.
    """
    rest = dict(order)
    way = corp.book(ContactWayBook).ways.get(str(rest.pop("config_id")))
    accepted = bool(rest.pop("accepted", False))
    if way is None:
        raise ImpossibleError("no such contact way")
    if way.is_temp and (way.used or at >= way.created_at + way.expires_in):
        raise ImpossibleError("the temporary contact way is dead")
    known = corp.customers.get(str(rest.get("external_userid", "")))
    if way.unionid and way.unionid != (known.unionid if known else rest.get("unionid")):
        raise ImpossibleError("the way is for another customer")
    if not way.skip_verify and not accepted:
        return Outcome({"waits": True})
    corp_name = str(rest.get("corp_name", ""))
    userid = _whose_turn(corp, way, corp_name=corp_name)
    told = {**rest, "userid": userid, "state": way.state, "add_way": BY_QR_CODE}
    outcome = CUSTOMER_ACTS["add"](world, corp, told, at)
    _took(corp, way, userid, corp_name=corp_name)
    if way.is_temp:
        begin(world, corp, way, userid=userid, external_userid=str(outcome.answer["external_userid"]), at=at)
    return Outcome({**outcome.answer, "userid": userid}, outcome.events)


def _whose_turn(corp: Corp, way: ContactWay, *, corp_name: str) -> str:
    """The member whose turn it is; an exclusive way gives all people of one corp to the same member."""
    book, members = corp.book(ContactWayBook), expanded(corp, way.users, way.parties)
    if not members:
        raise ImpossibleError("nobody is in service behind the contact way")
    kept = book.exclusive.get((way.config_id, corp_name))
    if way.is_exclusive and corp_name and kept in {member.userid for member in members}:
        return str(kept)
    return members[way.next_user % len(members)].userid


def _took(corp: Corp, way: ContactWay, userid: str, *, corp_name: str) -> None:
    """The next one's turn, unless the member had the people of that corp before."""
    book = corp.book(ContactWayBook)
    if way.is_exclusive and corp_name and book.exclusive.get((way.config_id, corp_name)) == userid:
        return
    way.next_user += 1
    if way.is_exclusive and corp_name:
        book.exclusive[way.config_id, corp_name] = userid


def earlier_contact_ways(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """One way made at `at` for `userid`, with `state`; `count` ways in all use up the quota."""
    book, count = corp.book(ContactWayBook), int(order.get("count", 1))
    member = corp.member(str(order["userid"]))
    if member is None or book.spent + count > QUOTA:
        raise ImpossibleError("no such member, or more than the quota")
    way = ContactWay(secrets.token_hex(16), 1, 2, at, state=str(order.get("state", "")), users=(member.userid,))
    way.qr_code = f"https://wework.qpic.example/wwpic/{way.config_id}/0"
    book.ways[way.config_id] = way
    book.spent += count
    return Outcome({"config_id": way.config_id})


ACTS = {"scan": scan, "earlier_contact_ways": earlier_contact_ways}
