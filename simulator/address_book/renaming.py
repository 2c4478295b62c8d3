"""Give a member another userid: everything that is filed under the old one moves.

A userid that WeCom made may be changed once. Source: WeCom server API, userid (page 93997).
"""

from dataclasses import replace

from simulator.acting import ImpossibleError
from simulator.address_book.book import AddressBook
from simulator.member_tags.book import MemberTagBook
from simulator.records import Corp, Member


def rename(corp: Corp, member: Member, userid: str) -> None:
    """Relations, leaders, messages, scopes and member tags move; ImpossibleError the second time."""
    renamed = corp.book(AddressBook).renamed
    old = member.userid
    if old.lower() in renamed:
        raise ImpossibleError("the userid was changed before")
    renamed.add(userid.lower())
    member.userid = userid
    corp.members = {item.userid.lower(): item for item in corp.members.values()}
    for pair in member.pairs.values():
        pair.userid = userid
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
    corp.book(MemberTagBook).rename(old, userid)
