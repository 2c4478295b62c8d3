"""A customer changes hands: the old pair ends, the new one begins, and callbacks tell of it.

Source: WeCom server API, assign customers of members in service (page 92125), customer events (page 92130).
"""

from simulator.customers.reading import began
from simulator.events import Event, Fields, customer_event
from simulator.records import Corp, Member, Pair, PairState
from simulator.world import World

ASSIGNED_BY_ADMIN = 202
BY_TRANSFER = (("Source", "DELETE_BY_TRANSFER"),)
NOTES = ("remark", "description", "remark_company", "tags", "personal_tags", "remark_mobiles", "channel")


def told(corp: Corp, change_type: str, userid: str, external_userid: str, *, at: int, more: Fields = ()) -> Event:
    ids = (("UserID", userid), ("ExternalUserID", external_userid))
    return customer_event(corp.corp_id, change_type, at=at, fields=ids + more)


def hand_over(
    world: World, corp: Corp, old: Pair, taker: Member, *, at: int, notes_go_over: bool = False
) -> tuple[Event, ...]:
    """End `old` and make the taker a friend; the callbacks.

    No delete event when the old member left. No add event when the taker is a friend already, or gets back a customer
    whom the taker handed over earlier.
    """
    external_userid = old.customer.external_userid
    old.state = PairState.GONE
    corp.recent.append(old)
    events: tuple[Event, ...] = ()
    if not corp.members[old.userid.lower()].resigned:
        events = (told(corp, "del_external_contact", old.userid, external_userid, at=at, more=BY_TRANSFER),)
    present = taker.pairs.get(external_userid)
    got_back = (taker.userid, external_userid) in corp.handed_over
    corp.handed_over.add((old.userid, external_userid))
    if present is not None and present.state is PairState.ACTIVE:
        return events
    began(world, corp, _befriend(corp, old, taker, at=at, notes_go_over=notes_go_over))
    if got_back:
        return events
    return (*events, told(corp, "add_external_contact", taker.userid, external_userid, at=at))


def _befriend(corp: Corp, old: Pair, taker: Member, *, at: int, notes_go_over: bool) -> Pair:
    pair = Pair(taker.userid, old.customer, PairState.ACTIVE, at, remark=old.customer.name, add_way=ASSIGNED_BY_ADMIN)
    pair.oper_userid = taker.userid
    if notes_go_over:
        for name in NOTES:
            setattr(pair, name, getattr(old, name))
    corp.link(pair)
    return pair
