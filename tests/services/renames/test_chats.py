"""A member's new userid, and what reads of chats and events about them still call the member."""

from dataclasses import replace

from services.associates.model import Alias
from services.groups.model import Traits
from services.renames.chats import current_evidence, current_read, userids_of
from tests.services.groups.factories import CHEN, JOINED, LI, at, seen, told

NEW = "lina.cd"


def alias(*, ended: float | None = None) -> Alias:
    return Alias(LI, NEW, at(100), at(101), None if ended is None else at(ended))


def test_who_an_event_names_is_who_they_are_now():
    """An event names the userid of its own time (GRP-1)."""
    (found,) = current_evidence([told(JOINED, 50, LI, CHEN)], [alias()])
    assert found == told(JOINED, 50, NEW, CHEN)


def test_a_userid_that_somebody_else_got_is_theirs_from_then_on():
    """What was said before is about the one who had it (GRP-1)."""
    events = [told(JOINED, 50, LI), told(JOINED, 250, LI)]
    assert current_evidence(events, [alias(ended=200)]) == [told(JOINED, 50, NEW), told(JOINED, 250, LI)]
    assert current_read(seen(250, {LI: 0}), [alias(ended=200)]) == seen(250, {LI: 0})


def test_a_read_that_is_behind_means_the_member_of_now():
    """As member, owner, admin and as who invited (GRP-1)."""
    read = replace(seen(120, {LI: 0, CHEN: 10}), admins=(LI, "Other"))
    invited = replace(read.members[CHEN], traits=Traits(invitor=LI))
    read = replace(read, members={**read.members, CHEN: invited})
    assert userids_of(read) == {LI, CHEN, "Other"}
    found = current_read(read, [alias()])
    assert (found.owner, found.admins, set(found.members)) == (NEW, (NEW, "Other"), {NEW, CHEN})
    assert found.members[NEW] == read.members[LI]
    assert found.members[CHEN].traits.invitor == NEW


def test_a_read_with_both_userids_is_believed_of_the_new_one():
    """They are one person, who is there once (GRP-1)."""
    for shown in ({LI: 0, NEW: 5}, {NEW: 5, LI: 0}):
        assert current_read(seen(120, shown), [alias()]).members == seen(120, {NEW: 5}).members
