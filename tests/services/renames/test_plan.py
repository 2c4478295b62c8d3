"""A member's new userid: whether it is so, and what two rows of one relation amount to."""

from datetime import timedelta

import pytest

from services.associates.model import Absence, Associate, ObservedAssociate, Renaming
from services.associates.plan import Lags
from services.customers.model import Friendship, Notes, State
from services.renames.plan import Verdict, judge_renaming, merge_relations
from tests.services.factories import LI, at, friendship, relation, times

NEW = "lina.cd"
LAGS = Lags(deletion=timedelta(seconds=600), addition=timedelta(seconds=120))
RENAMING = Renaming(LI, NEW, at(100))
THERE = "there"


def read(userid, second, what):
    if what == THERE:
        return ObservedAssociate(userid, at(second), Associate(userid))
    return ObservedAssociate(userid, at(second), absence=what)


def judge(old, new, second, *, taken=None):
    taken_at = None if taken is None else at(taken)
    return judge_renaming(RENAMING, read(LI, second, old), read(NEW, second, new), taken_at=taken_at, lags=LAGS)


@pytest.mark.parametrize("old", [Absence.UNKNOWN, Absence.NOWHERE, Absence.HIDDEN])
def test_the_old_gone_and_the_new_there_is_true(old):
    """At once (ASG-11)."""
    assert judge(old, THERE, 101).verdict is Verdict.TRUE


@pytest.mark.parametrize(("old", "new"), [(THERE, THERE), (THERE, Absence.UNKNOWN), (Absence.UNKNOWN, Absence.UNKNOWN)])
def test_reads_may_be_behind(old, new):
    """So it waits, longer and longer (ASG-11)."""
    assert judge(old, new, 101).look_again_at == at(103)
    assert judge(old, new, 140).look_again_at == at(180)


def test_the_old_one_shown_for_long_refutes_it():
    """Nothing moves then (ASG-11)."""
    assert judge(THERE, Absence.UNKNOWN, 800).verdict is Verdict.REFUTED


def test_the_old_one_may_be_somebody_elses_by_now():
    """An event said that somebody new has it (ASG-11)."""
    assert judge(THERE, THERE, 800, taken=300).verdict is Verdict.TRUE


def test_whom_the_app_does_not_see_is_believed_to_be_renamed():
    """Reads can say nothing of them, the event does (ASG-11)."""
    assert judge(Absence.UNKNOWN, Absence.UNKNOWN, 800).verdict is Verdict.TRUE


def merge(old, new):
    return merge_relations(old, new, renamed_at=at(500))


def test_the_same_friendship_in_both_rows_is_one():
    """A read brought it back under the new userid before the old one moved (ASG-8)."""
    old = relation(LI, friendship(100), state=State.OUT_OF_SIGHT, notes=Notes(remark="旧", description="先"))
    merged = merge(old, relation(NEW, friendship(100), notes=Notes(remark="新")))
    assert merged == relation(NEW, friendship(100), notes=Notes(remark="新", description="先"))


def test_an_end_that_only_a_read_told_after_the_renaming_was_none():
    """The old userid was not listed any more, that was all (LOSS-1)."""
    for by in (State.ENDED_BY_ASSOCIATE, State.ASSOCIATE_LEFT):
        merged = merge(relation(LI, friendship(100, 510, by)), relation(NEW, friendship(100)))
        assert (merged.state, times(merged.friendships)) == (State.ACTIVE, [(100, None, None)])


def test_a_customers_removal_stays():
    """It was told by an event (LOSS-1)."""
    old = relation(LI, friendship(100, 510, State.ENDED_BY_CUSTOMER))
    merged = merge(old, relation(NEW, friendship(100)))
    assert (merged.state, merged.friendships) == (State.ENDED_BY_CUSTOMER, old.friendships)


def test_the_past_stays_in_order():
    """Both rows may hold friendships that the other lacks (ASG-8)."""
    old = relation(LI, friendship(100, 200), friendship(300))
    new = relation(NEW, Friendship(None, at(400), State.ENDED_BY_ASSOCIATE), friendship(600))
    merged = merge(old, new)
    assert times(merged.friendships) == [
        (100, 200, "ended_by_customer"),
        (300, 400, "ended_by_associate"),
        (600, None, None),
    ]
    assert merged.state is State.ACTIVE


def test_what_was_told_is_not_told_again():
    """Facts of both rows were told already (LOSS-1)."""
    old = relation(LI, friendship(100, 510, State.ENDED_BY_ASSOCIATE))
    merged = merge(old, relation(NEW, friendship(100)))
    assert merged.told is not None and {end.at for end in merged.told.ends} == {at(510)}
    assert merge(relation(LI, friendship(100)), relation(NEW, friendship(100))).told is None


def test_a_half_add_stays_half():
    """Not confirmed under either userid (ASG-10)."""
    merged = merge(relation(LI, half=50), relation(NEW, half=60))
    assert (merged.state, merged.half_at, merged.friendships) == (State.HALF, at(60), ())
