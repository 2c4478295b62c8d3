"""What people do in the client, as opposed to what software does through the API: these cause callbacks.

Source: WeCom server API, customer events (page 92130).
"""

from collections.abc import Callable

from simulator.acting import Act, ImpossibleError, Order, Outcome
from simulator.customers.friendship import PROFILE, Action, befriend, member_in_service, pair_in, write_notes
from simulator.customers.reading import began, ended
from simulator.customers.settings import CustomerSettings
from simulator.customers.walks import edited
from simulator.events import customer_event, member_left
from simulator.records import READABLE, Corp, Pair, PairState
from simulator.transfers.book import Status, TransferBook
from simulator.transfers.moving import hand_over
from simulator.welcome.book import WelcomeBook
from simulator.world import World

Do = Callable[[World, Corp, Action, int], Outcome]
Told = tuple[tuple[str, str], ...]
NOTHING = Outcome({"external_userid": ""}, ())


def _told(corp: Corp, change_type: str, pair: Pair, *, at: int, more: Told = ()) -> Outcome:
    ids = (("UserID", pair.userid), ("ExternalUserID", pair.customer.external_userid))
    corp.recent.append(pair)
    event = customer_event(corp.corp_id, change_type, at=at, fields=ids + more)
    return Outcome({"external_userid": pair.customer.external_userid}, (event,))


def _greeting(corp: Corp, action: Action, pair: Pair, *, at: int) -> Told:
    ids = (pair.userid, pair.customer.external_userid)
    # A WeCom user of another corp cannot be welcomed by software.
    code = corp.book(WelcomeBook).issue(*ids, at=at) if action.welcome and pair.customer.type == 1 else ""
    return (("State", pair.channel), ("WelcomeCode", code))


def _greeted(corp: Corp, pair: Pair) -> bool:
    """Was the customer welcomed by the code of an earlier event of this pair?"""
    codes = corp.book(WelcomeBook).of_pair(pair.userid, pair.customer.external_userid)
    return any(item.said and item.at >= pair.createtime for item in codes)


def add(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    pair = befriend(corp, action, at, state=PairState.ACTIVE, numbers=world.settings(CustomerSettings))
    began(world, corp, pair)
    return _told(corp, "add_external_contact", pair, at=at, more=_greeting(corp, action, pair, at=at))


def half_add(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    """The customer added a member who needs no verification; the member has not confirmed yet."""
    pair = befriend(corp, action, at, state=PairState.HALF, numbers=world.settings(CustomerSettings))
    return _told(corp, "add_half_external_contact", pair, at=at, more=_greeting(corp, action, pair, at=at))


def confirm(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    """No second welcome code for a customer who was welcomed by the first."""
    pair = pair_in(corp, action.userid, action.external_userid, states=frozenset({PairState.HALF}))
    greeted = _greeted(corp, pair)
    pair.state, pair.createtime = PairState.ACTIVE, at
    began(world, corp, pair)
    more = (("State", pair.channel),) if greeted else _greeting(corp, action, pair, at=at)
    return _told(corp, "add_external_contact", pair, at=at, more=more)


def edit(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    """Change what was said of the notes; the event does not say what."""
    pair = pair_in(corp, action.userid, action.external_userid, states=READABLE)
    write_notes(pair, action)
    edited(world, corp, pair)
    return _told(corp, "edit_external_contact", pair, at=at)


def member_deletes(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    pair = pair_in(corp, action.userid, action.external_userid, states=frozenset(PairState) - {PairState.GONE})
    was_read = pair.readable
    pair.state = PairState.GONE
    if was_read:
        ended(world, corp, pair)
    return _told(corp, "del_external_contact", pair, at=at)


def customer_deletes(world: World, corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - as all of them
    """The relation becomes one-way: every read still returns it, and nothing in the row says so."""
    pair = pair_in(corp, action.userid, action.external_userid, states=frozenset({PairState.ACTIVE}))
    pair.state = PairState.DELETED_BY_CUSTOMER
    return _told(corp, "del_follow_user", pair, at=at)


def customer_renames(world: World, corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - as all of them
    """The customer changes name, avatar or another part of the profile: nobody is told."""
    customer = corp.customers.get(action.external_userid)
    if customer is None:
        raise ImpossibleError(f"no such customer: {action.external_userid!r}")
    customer.name = action.name or customer.name
    for said in PROFILE:
        if getattr(action, said) is not None:
            setattr(customer, said, getattr(action, said))
    for pair in customer.pairs:
        edited(world, corp, pair)
    return Outcome({"external_userid": customer.external_userid}, ())


def transfer_done(world: World, corp: Corp, action: Action, at: int) -> Outcome:
    """In-service inheritance takes effect, be it one that waits or one that nobody asked for by API.

    No add event when the takeover member is a friend already, or gets back a customer handed over earlier.
    Source: WeCom server API, assign customers of members in service (page 92125).
    """
    old = pair_in(corp, action.handover_userid, action.external_userid, states=READABLE)
    taker = member_in_service(corp, action.takeover_userid)
    if taker.userid == old.userid:
        raise ImpossibleError("handover and takeover are the same member")
    book = corp.book(TransferBook)
    waiting = book.waiting.get((old.userid, action.external_userid))
    if waiting is not None and waiting.takeover_userid != taker.userid:
        raise ImpossibleError(f"on the way to {waiting.takeover_userid!r}")
    if waiting is not None:
        book.end(waiting, Status.DONE, at=at)
    return Outcome({"external_userid": action.external_userid}, hand_over(world, corp, old, taker, at=at))


def resign(world: World, corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - as all of them
    """The member leaves: an address-book event, and silence in the customer-contact family."""
    member = member_in_service(corp, action.userid)
    member.resigned, member.status, member.resigned_at = True, 5, float(at)
    return Outcome({"external_userid": ""}, (member_left(corp.corp_id, member.userid, at=at),))


def function_off(world: World, corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - as all of them
    """The member's rows vanish from every read; nothing is sent."""
    member_in_service(corp, action.userid).has_customer_contact = False
    return NOTHING


def function_on(world: World, corp: Corp, action: Action, at: int) -> Outcome:  # noqa: ARG001 - as all of them
    member_in_service(corp, action.userid).has_customer_contact = True
    return NOTHING


_DOES: dict[str, Do] = {
    "add": add,
    "half_add": half_add,
    "confirm": confirm,
    "edit": edit,
    "member_deletes": member_deletes,
    "customer_deletes": customer_deletes,
    "customer_renames": customer_renames,
    "customer_changes_avatar": customer_renames,
    "transfer_done": transfer_done,
    "resign": resign,
    "function_off": function_off,
    "function_on": function_on,
}


def _act(do: str) -> Act:
    def run(world: World, corp: Corp, order: Order, at: int) -> Outcome:
        return _DOES[do](world, corp, Action.parse(do, order), at)

    return run


ACTS = {do: _act(do) for do in _DOES}
