"""What people do in the client, as opposed to what software does through the API: these cause callbacks."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields

from simulator import names
from simulator.acting import Act, ImpossibleError, Order, Outcome
from simulator.events import customer_event, member_left
from simulator.population import invent
from simulator.records import Corp, Customer, Member, Pair, PairState
from simulator.world import World

ASSIGNED_BY_ADMIN = 202
# The ways in which the customer starts: QR code, name card, WeChat contact, acquisition link.
STARTED_BY_CUSTOMER = frozenset({1, 3, 6, 16, 24})


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
    corp_name: str = ""
    state: str = ""
    add_way: int = 1
    welcome: bool = False
    remark: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    personal_tags: list[str] | None = None
    mobiles: list[str] | None = None
    handover_userid: str = ""
    takeover_userid: str = ""

    @staticmethod
    def parse(do: str, order: Order) -> "Action":
        """ValueError when it has unknown keys."""
        unknown = order.keys() - {item.name for item in fields(Action)}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        return Action(do, **order)


Do = Callable[[Corp, Action, int], Outcome]


def _member(corp: Corp, userid: str) -> Member:
    member = corp.member(userid)
    if member is None or member.resigned:
        raise ImpossibleError(f"no such member in service: {userid!r}")
    return member


def _pair(corp: Corp, userid: str, external_userid: str, *, states: frozenset[PairState]) -> Pair:
    pair = _member(corp, userid).pairs.get(external_userid)
    if pair is None or pair.state not in states:
        raise ImpossibleError(f"{userid!r} and {external_userid!r}: {pair.state if pair else 'no relation'}")
    return pair


def _told(corp: Corp, change_type: str, pair: Pair, *, at: int, more: tuple[tuple[str, str], ...] = ()) -> Outcome:
    ids = (("UserID", pair.userid), ("ExternalUserID", pair.customer.external_userid))
    corp.recent.append(pair)
    event = customer_event(corp.corp_id, change_type, at=at, fields=ids + more)
    return Outcome({"external_userid": pair.customer.external_userid}, (event,))


def _greeting(action: Action, state: str) -> tuple[tuple[str, str], ...]:
    return (("State", state), ("WelcomeCode", f"WC_{secrets.token_urlsafe(12)}" if action.welcome else ""))


def _customer(corp: Corp, action: Action) -> Customer:
    known = corp.customers.get(action.external_userid)
    if known is not None:
        return known
    dice = random.Random()
    customer = invent(corp, dice, name=action.name or names.person(dice), kind=action.type)
    customer.external_userid = action.external_userid or customer.external_userid
    customer.corp_name = action.corp_name
    for said in ("gender", "unionid", "avatar"):
        if getattr(action, said) is not None:
            setattr(customer, said, getattr(action, said))
    return customer


def _befriend(corp: Corp, action: Action, at: int, *, state: PairState) -> Pair:
    member = _member(corp, action.userid)
    if not member.has_customer_contact:
        raise ImpossibleError(f"{member.userid!r} has no customer-contact function")
    customer = _customer(corp, action)
    earlier = member.pairs.get(customer.external_userid)
    if earlier is not None and earlier.state in {PairState.ACTIVE, state}:
        raise ImpossibleError(f"already {earlier.state}")
    by_customer = action.add_way in STARTED_BY_CUSTOMER
    pair = Pair(member.userid, customer, state, at, remark=customer.name if action.remark is None else action.remark)
    pair.description = action.description or ""
    pair.tags, pair.personal_tags = tuple(action.tags or ()), tuple(action.personal_tags or ())
    pair.remark_mobiles = tuple(action.mobiles or ())
    pair.add_way, pair.channel = action.add_way, action.state
    pair.oper_userid = customer.external_userid if by_customer else member.userid
    corp.link(pair)
    return pair


def add(corp: Corp, action: Action, at: int) -> Outcome:
    pair = _befriend(corp, action, at, state=PairState.ACTIVE)
    return _told(corp, "add_external_contact", pair, at=at, more=_greeting(action, pair.channel))


def half_add(corp: Corp, action: Action, at: int) -> Outcome:
    """The customer added a member who needs no verification; the member has not confirmed yet."""
    pair = _befriend(corp, action, at, state=PairState.HALF)
    return _told(corp, "add_half_external_contact", pair, at=at, more=_greeting(action, pair.channel))


def confirm(corp: Corp, action: Action, at: int) -> Outcome:
    pair = _pair(corp, action.userid, action.external_userid, states=frozenset({PairState.HALF}))
    pair.state, pair.createtime = PairState.ACTIVE, at
    return _told(corp, "add_external_contact", pair, at=at, more=_greeting(action, pair.channel))


def edit(corp: Corp, action: Action, at: int) -> Outcome:
    """Change what was said; corp tags are named by id, an unknown one is taken into the catalogue."""
    pair = _pair(
        corp, action.userid, action.external_userid, states=frozenset({PairState.ACTIVE, PairState.DELETED_BY_CUSTOMER})
    )
    if action.remark is not None:
        pair.remark = action.remark
    if action.description is not None:
        pair.description = action.description
    if action.tags is not None:
        pair.tags = tuple(action.tags)
    if action.personal_tags is not None:
        pair.personal_tags = tuple(action.personal_tags)
    if action.mobiles is not None:
        pair.remark_mobiles = tuple(action.mobiles)
    return _told(corp, "edit_external_contact", pair, at=at)


def member_deletes(corp: Corp, action: Action, at: int) -> Outcome:
    pair = _pair(corp, action.userid, action.external_userid, states=frozenset(PairState) - {PairState.GONE})
    pair.state = PairState.GONE
    return _told(corp, "del_external_contact", pair, at=at)


def customer_deletes(corp: Corp, action: Action, at: int) -> Outcome:
    """The relation becomes one-way: every read still returns it, and nothing in the row says so."""
    pair = _pair(corp, action.userid, action.external_userid, states=frozenset({PairState.ACTIVE}))
    pair.state = PairState.DELETED_BY_CUSTOMER
    return _told(corp, "del_follow_user", pair, at=at)


def transfer_done(corp: Corp, action: Action, at: int) -> Outcome:
    """In-service inheritance takes effect.

    No add event when the takeover member is a friend already, or gets back a customer handed over earlier.
    Source: WeCom server API, assign customers of members in service (page 92125).
    """
    old = _pair(
        corp,
        action.handover_userid,
        action.external_userid,
        states=frozenset({PairState.ACTIVE, PairState.DELETED_BY_CUSTOMER}),
    )
    taker = _member(corp, action.takeover_userid)
    if taker.userid == old.userid:
        raise ImpossibleError("handover and takeover are the same member")
    old.state = PairState.GONE
    gone = _told(corp, "del_external_contact", old, at=at, more=(("Source", "DELETE_BY_TRANSFER"),))
    present = taker.pairs.get(action.external_userid)
    got_back = (taker.userid, action.external_userid) in corp.handed_over
    corp.handed_over.add((old.userid, action.external_userid))
    if present is not None and present.readable:
        return gone
    pair = Pair(taker.userid, old.customer, PairState.ACTIVE, at, remark=old.customer.name, add_way=ASSIGNED_BY_ADMIN)
    pair.oper_userid = taker.userid
    corp.link(pair)
    if got_back:
        return gone
    return Outcome(gone.answer, gone.events + _told(corp, "add_external_contact", pair, at=at).events)


def resign(corp: Corp, action: Action, at: int) -> Outcome:
    """The member leaves: an address-book event, and silence in the customer-contact family."""
    member = _member(corp, action.userid)
    member.resigned, member.status = True, 5
    return Outcome({"external_userid": ""}, (member_left(corp.corp_id, member.userid, at=at),))


def function_off(corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - every action has this shape
    """The member's rows vanish from every read; nothing is sent."""
    _member(corp, action.userid).has_customer_contact = False
    return Outcome({"external_userid": ""}, ())


def function_on(corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - every action has this shape
    _member(corp, action.userid).has_customer_contact = True
    return Outcome({"external_userid": ""}, ())


_DOES: dict[str, Do] = {
    "add": add,
    "half_add": half_add,
    "confirm": confirm,
    "edit": edit,
    "member_deletes": member_deletes,
    "customer_deletes": customer_deletes,
    "transfer_done": transfer_done,
    "resign": resign,
    "function_off": function_off,
    "function_on": function_on,
}


def _act(do: str) -> Act:
    def run(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
        return _DOES[do](corp, Action.parse(do, order), at)

    return run


ACTS = {do: _act(do) for do in _DOES}
