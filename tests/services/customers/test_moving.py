"""A contact who is being handed over: whose absence says nothing, and whose former friendship waits no longer."""

import pytest

from services.customers.model import Absence, State
from services.customers.plan import plan_contact
from tests.services.factories import LI, TRANSFERRED, ZHAO, friendship, listed, read, recorded, relation, told


@pytest.mark.parametrize("absence", [None, Absence.ENDED])
def test_a_giver_who_is_not_shown_has_ended_nothing(absence: Absence | None):
    """The handover's outcome says what it was: no deletion, no second look (LOSS-1)."""
    before = recorded(relation(LI, friendship(100)))
    absences = {} if absence is None else {LI: absence}
    plan = plan_contact(read(9000, listed(ZHAO, 8000)), before, [], absences=absences, moving={LI})
    assert ([one.userid for one in plan.relations], plan.unconfirmed) == ([ZHAO], frozenset())
    sure = plan_contact(read(9000), before, [], absences={LI: Absence.ENDED})
    assert [one.state for one in sure.relations] == [State.ENDED_BY_ASSOCIATE]


def test_a_giver_out_of_sight_is_out_of_sight():
    """That is about the associate, not about the customer (LOSS-1)."""
    before = recorded(relation(LI, friendship(100)))
    plan = plan_contact(read(9000), before, [], absences={LI: Absence.OUT_OF_SIGHT}, moving={LI})
    assert [one.state for one in plan.relations] == [State.OUT_OF_SIGHT]


def test_what_a_leaver_left_behind_waits_no_longer_once_it_was_taken_over():
    """The friendship ended when they left; nothing is told again (TRF-2)."""
    before = recorded(relation(LI, friendship(100, 300, State.ASSOCIATE_LEFT)))
    plan = plan_contact(read(9000), before, [told(LI, TRANSFERRED, 8000)])
    (after,) = plan.relations
    assert (after.state, after.friendships, plan.facts) == (
        State.TRANSFERRED,
        before.relations[LI].friendships,
        (),
    )
    again = plan_contact(read(9500), recorded(after), [told(LI, TRANSFERRED, 8000)])
    assert again.relations == ()
