"""What an administrator does with member tags in the console. Making and removing a tag is told to nobody.

Source: WeCom server API, address-book events (page 96304).
"""

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.events import Event
from simulator.member_tags.book import MemberTag, MemberTagBook
from simulator.records import Corp
from simulator.world import World


def _only(order: Order, *known: str) -> None:
    unknown = order.keys() - set(known)
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")


def _tag(corp: Corp, order: Order) -> MemberTag:
    tag = corp.book(MemberTagBook).tags.get(int(order["tagid"]))
    if tag is None:
        raise ImpossibleError(f"no such member tag: {order['tagid']}")
    return tag


def create(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    _only(order, "tagname")
    book, name = corp.book(MemberTagBook), str(order["tagname"])
    if book.named(name):
        raise ImpossibleError(f"the name is taken: {name!r}")
    tag = book.tags[book.next_id()] = MemberTag(book.next_id(), name)
    return Outcome({"tagid": tag.tag_id})


def delete(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    _only(order, "tagid")
    tag = corp.book(MemberTagBook).tags.pop(_tag(corp, order).tag_id)
    return Outcome({"tagid": tag.tag_id})


def change(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """`add_users`, `del_users` (userids) and `add_parties`, `del_parties` (department ids)."""
    _only(order, "tagid", "add_users", "del_users", "add_parties", "del_parties")
    tag = _tag(corp, order)
    came, went = ([str(item) for item in order.get(key, ())] for key in ("add_users", "del_users"))
    joined, left = ([int(item) for item in order.get(key, ())] for key in ("add_parties", "del_parties"))
    for userid in came:
        if corp.member(userid) is None:
            raise ImpossibleError(f"no such member: {userid!r}")
    if not corp.departments.keys() >= set(joined):
        raise ImpossibleError("no such department")
    gone = {item.lower() for item in went}
    tag.users = {key: None for key in [*tag.users, *(item.lower() for item in came)] if key not in gone}
    tag.parties = {key: None for key in [*tag.parties, *joined] if key not in left}
    fields = (
        ("TagId", tag.tag_id),
        ("AddUserItems", ",".join(came)),
        ("DelUserItems", ",".join(went)),
        ("AddPartyItems", ",".join(map(str, joined))),
        ("DelPartyItems", ",".join(map(str, left))),
    )
    return Outcome({"tagid": tag.tag_id}, (Event(corp.corp_id, "change_contact", "update_tag", at, fields),))


ACTS = {"create_member_tag": create, "change_member_tag": change, "delete_member_tag": delete}
