"""Give a member another userid: everything that is filed under the old one moves.

A userid that WeCom made may be changed once. Source: WeCom server API, userid (page 93997).
"""

from dataclasses import replace
from typing import Protocol, runtime_checkable

from simulator.acting import ImpossibleError
from simulator.address_book.book import AddressBook
from simulator.records import Corp, Member


@runtime_checkable
class Renaming(Protocol):
    """A family's book that files something under userids."""

    def member_renamed(self, old: str, new: str) -> None: ...


def rename(corp: Corp, member: Member, userid: str) -> None:
    """Relations, leaders, messages, scopes and what the families remember move; ImpossibleError the second time."""
    renamed = corp.book(AddressBook).renamed
    old = member.userid
    if old.lower() in renamed:
        raise ImpossibleError("the userid was changed before")
    renamed.add(userid.lower())
    member.userid = userid
    corp.members = {item.userid.lower(): item for item in corp.members.values()}
    for pair in member.pairs.values():
        pair.userid = userid
        pair.oper_userid = userid if pair.oper_userid == old else pair.oper_userid
    corp.handed_over = {(userid if who == old else who, given) for who, given in corp.handed_over}
    for other in corp.members.values():
        other.direct_leader = tuple(userid if item == old else item for item in other.direct_leader)
    for party in corp.departments.values():
        party.leaders = tuple(userid if item == old else item for item in party.leaders)
    for delivery in corp.inboxes.get(old, ()):
        delivery.userid = userid
    if old in corp.inboxes:
        corp.inboxes[userid] = corp.inboxes.pop(old)
    for secret, app in corp.apps.items():
        if app.visible is not None and app.sees(old):
            corp.apps[secret] = replace(app, visible=(app.visible - {old}) | {userid})
    for book in corp.books.values():
        if isinstance(book, Renaming):
            book.member_renamed(old, userid)
