"""How a member and a customer become friends, for the first time or again."""

import random
from dataclasses import dataclass
from typing import Any

from simulator import names, orders
from simulator.acting import ImpossibleError, Order
from simulator.customers.settings import CustomerSettings
from simulator.population import invent
from simulator.records import Corp, Customer, Member, Pair, PairState

# The ways in which the customer starts: QR code, name card, WeChat contact, acquisition link.
STARTED_BY_CUSTOMER = frozenset({1, 3, 6, 16, 24})
PROFILE = ("gender", "unionid", "avatar", "corp_name", "corp_full_name", "position", "profile")
NOTES = ("remark", "description", "remark_company", "tags", "personal_tags", "remark_mobiles")


@dataclass(frozen=True)
class Action:
    """One thing that one person does. None or "" means not said."""

    do: str
    userid: str = ""
    external_userid: str = ""
    name: str = ""
    type: int = 1
    gender: int | None = None
    unionid: str | None = None
    avatar: str | None = None
    corp_name: str | None = None
    corp_full_name: str | None = None
    position: str | None = None
    profile: dict[str, Any] | None = None
    state: str = ""
    add_way: int = 1
    wechat_channels: dict[str, Any] | None = None
    welcome: bool = False
    remark: str | None = None
    description: str | None = None
    remark_company: str | None = None
    tags: list[str] | None = None
    personal_tags: list[str] | None = None
    mobiles: list[str] | None = None
    handover_userid: str = ""
    takeover_userid: str = ""

    @staticmethod
    def parse(do: str, order: Order) -> "Action":
        """ValueError when it has unknown keys or values of another type."""
        return orders.parse(Action, {"do": do, **order})


def member_in_service(corp: Corp, userid: str) -> Member:
    member = corp.member(userid)
    if member is None or member.resigned:
        raise ImpossibleError(f"no such member in service: {userid!r}")
    return member


def pair_in(corp: Corp, userid: str, external_userid: str, *, states: frozenset[PairState]) -> Pair:
    """The pair when it is in one of these states; ImpossibleError otherwise."""
    pair = member_in_service(corp, userid).pairs.get(external_userid)
    if pair is None or pair.state not in states:
        raise ImpossibleError(f"{userid!r} and {external_userid!r}: {pair.state if pair else 'no relation'}")
    return pair


def befriend(corp: Corp, action: Action, at: int, *, state: PairState, numbers: CustomerSettings) -> Pair:
    """Link the two by a new pair.

    A customer who deleted the member is still in the member's list, so the notes may outlive the coming back, and
    nobody has to confirm it.
    """
    member = member_in_service(corp, action.userid)
    if not member.has_customer_contact:
        raise ImpossibleError(f"{member.userid!r} has no customer-contact function")
    earlier = member.pairs.get(action.external_userid)
    stayed = earlier if earlier is not None and earlier.state is PairState.DELETED_BY_CUSTOMER else None
    if earlier is not None and (earlier.state in {PairState.ACTIVE, state} or (stayed and state is PairState.HALF)):
        raise ImpossibleError(f"already {earlier.state}")
    if earlier is None:
        _refuse_too_many(member, member.contact_cap or numbers.contact_cap)
    customer = _customer(corp, action)
    by_customer = action.add_way in STARTED_BY_CUSTOMER
    pair = Pair(member.userid, customer, state, at, remark=customer.name, add_way=action.add_way)
    pair.channel, pair.wechat_channels = action.state, action.wechat_channels
    pair.oper_userid = customer.external_userid if by_customer else member.userid
    if stayed is not None:
        _keep(pair, stayed, numbers)
    write_notes(pair, action)
    corp.link(pair)
    return pair


def _keep(pair: Pair, stayed: Pair, numbers: CustomerSettings) -> None:
    """What the row that stayed hands on to the new one."""
    if numbers.readding_keeps_notes:
        for name in NOTES:
            setattr(pair, name, getattr(stayed, name))
    if not numbers.readding_renews_createtime:
        pair.createtime = stayed.createtime
    if not numbers.readding_renews_add_way:
        pair.add_way, pair.oper_userid = stayed.add_way, stayed.oper_userid


def _refuse_too_many(member: Member, cap: int) -> None:
    if not cap or len(member.pairs) < cap:
        return
    if sum(pair.state is not PairState.GONE for pair in member.pairs.values()) >= cap:
        raise ImpossibleError(f"{member.userid!r} has {cap} customers, and may have no more")


def _customer(corp: Corp, action: Action) -> Customer:
    known = corp.customers.get(action.external_userid)
    if known is not None:
        return known
    dice = random.Random()
    customer = invent(corp, dice, name=action.name or names.person(dice), kind=action.type)
    customer.external_userid = action.external_userid or customer.external_userid
    for said in PROFILE:
        if getattr(action, said) is not None:
            setattr(customer, said, getattr(action, said))
    return customer


def write_notes(pair: Pair, action: Action) -> None:
    """Lay what was said over the pair's notes; corp tags are named by id."""
    for said in ("remark", "description", "remark_company"):
        if getattr(action, said) is not None:
            setattr(pair, said, getattr(action, said))
    if action.tags is not None:
        pair.tags = tuple(action.tags)
    if action.personal_tags is not None:
        pair.personal_tags = tuple(action.personal_tags)
    if action.mobiles is not None:
        pair.remark_mobiles = tuple(action.mobiles)
