"""Who a customer is assigned to after a handover: who took over, whatever became known first."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assignment.model import Assignment, CustomerReassigned, Decision, Handover
from services.assignment.plan import AssignmentPlan, plan_assignment
from services.customers.model import Relation, State
from shared.ids import UserId
from tests.services.factories import CONTACT, CUSTOMER, LI, WANG, ZHAO, at, friendship, relation

WEI = UserId("ChenWei")
IDS = {"customer_id": CUSTOMER, "external_userid": CONTACT}
GIVEN = Handover(7, LI, ZHAO, since=at(500), by="Zhou", expected=True)
DONE = replace(GIVEN, done_at=at(900), expected=False)
HANDED = friendship(100, 900, State.TRANSFERRED)
LEFT = friendship(100, 300, State.ASSOCIATE_LEFT)


MINE = Assignment(LI, at(100), at(100))


def planned(relations: list[Relation], *handovers: Handover, recorded: Assignment = MINE) -> AssignmentPlan:
    """The plan, after a check that it settles."""
    known = {one.userid: one for one in relations}
    plan = plan_assignment(known, [], recorded, handovers=handovers, **IDS)
    again = plan_assignment(known, [], plan.assignment or recorded, handovers=handovers, **IDS)
    assert again == AssignmentPlan(undecided=plan.undecided)
    return plan


def lines(plan: AssignmentPlan) -> list[tuple[UserId | None, UserId | None, str, str]]:
    return [(one.from_userid, one.to_userid, one.why, one.by) for one in plan.changes]


@pytest.mark.parametrize("handover", [GIVEN, DONE])
@pytest.mark.parametrize("begins", [200, 899, 900, 905])
def test_who_took_over_is_assigned_not_the_earliest_friend(handover: Handover, begins: int):
    """Also when the new owner's friendship began a moment later than the giver's ended (ASG-9)."""
    friends = [relation(LI, HANDED), relation(WANG, friendship(150)), relation(ZHAO, friendship(begins))]
    plan = planned(friends, handover)
    assert lines(plan) == [(LI, ZHAO, "transfer", "Zhou")]
    (fact,) = plan.facts
    assert isinstance(fact, CustomerReassigned)
    assert (fact.why, fact.transfer_id) == ("transfer", 7)


def test_the_handover_of_a_regular_friend_changes_nothing():
    """Whoever is assigned stays so (ASG-6)."""
    friends = [relation(LI, HANDED), relation(WANG, friendship(50)), relation(ZHAO, friendship(900))]
    assert planned(friends, DONE, recorded=Assignment(WANG, at(50), at(50))).changes == ()


def test_a_transfer_that_nobody_asked_for_here_goes_to_the_earliest_friend():
    """It was made in WeCom's console: who took over is not said (ASG-5)."""
    friends = [relation(LI, HANDED), relation(WANG, friendship(150)), relation(ZHAO, friendship(900))]
    assert lines(planned(friends)) == [(LI, WANG, "transfer", "system")]


def test_until_the_new_owner_shows_nothing_is_decided():
    """Reads may be behind: nobody is told of a stand-in for a second (ASG-10)."""
    friends = [relation(LI, HANDED), relation(WANG, friendship(150))]
    plan = planned(friends, GIVEN)
    assert (plan.undecided, plan.changes, plan.assignment) == (True, (), None)
    assert lines(planned(friends, DONE)) == [(LI, WANG, "transfer", "system")]


@pytest.mark.parametrize("decided", [False, True])
def test_who_stands_in_for_a_leaver_gives_way_unless_a_person_chose_them(decided: bool):
    """The giver was the assigned one when they left; what an operator decided since is not undone (ASG-4, ASG-9)."""
    friends = [
        relation(LI, LEFT),
        relation(WANG, friendship(150)),
        relation(WEI, friendship(160)),
        relation(ZHAO, friendship(900)),
    ]
    known = {one.userid: one for one in friends}
    decisions = [Decision(WEI, at(400), "Chen")] if decided else []
    plan = plan_assignment(known, decisions, Assignment(), handovers=[replace(DONE, departed=True)], **IDS)
    last = (WANG, WEI, "operator", "Chen") if decided else (WANG, ZHAO, "transfer", "Zhou")
    assert lines(plan) == [(None, LI, "first_add", "system"), (LI, WANG, "auto", "system"), last]


@pytest.mark.parametrize(("handover", "named"), [(GIVEN, None), (DONE, 7)])
def test_a_reassignment_names_a_leavers_handover_when_it_is_done(handover: Handover, named: int | None):
    """Before that the customer may have come by themselves, and both hear of it as ever (TRF-4, ASG-5)."""
    friends = [relation(LI, friendship(100)), relation(ZHAO, friendship(900))]
    (fact,) = planned(friends, replace(handover, departed=True)).facts
    assert isinstance(fact, CustomerReassigned)
    assert (fact.to_userid, fact.transfer_id) == (ZHAO, named)


def test_of_two_handovers_each_explains_its_own_end():
    """There and back again (ASG-10)."""
    back = Handover(8, ZHAO, LI, since=at(90_000), by="Chen", done_at=at(180_000))
    friends = [
        relation(LI, HANDED, friendship(180_000)),
        relation(ZHAO, friendship(900, 180_000, State.TRANSFERRED)),
        relation(WANG, friendship(150)),
    ]
    assert lines(planned(friends, DONE, back)) == [(LI, ZHAO, "transfer", "Zhou"), (ZHAO, LI, "transfer", "Chen")]


@given(
    st.permutations(["end", "friend", "done"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([880, 900, 920]),
)
def test_whatever_is_known_first_the_history_is_the_same(order: list[str], departed: bool, third: bool, begins: int):
    """The giver's end, the new owner's friendship and WeCom's result become known in any order (ASG-10)."""
    recorded, history = Assignment(), []
    for count in range(len(order) + 1):
        known = set(order[:count])
        given = LEFT if departed else HANDED if "end" in known else friendship(100)
        friends = [relation(LI, given)]
        friends += [relation(WANG, friendship(150))] if third else []
        friends += [relation(ZHAO, friendship(begins))] if "friend" in known else []
        handover = replace(DONE if "done" in known else GIVEN, departed=departed, expected=count < len(order))
        plan = planned(friends, handover, recorded=recorded)
        recorded = plan.assignment or recorded
        history += [(one.to_userid, one.why) for one in plan.changes]
    first = [(LI, "first_add")] + ([(WANG if third else None, "auto")] if departed else [])
    assert history == [*first, (ZHAO, "transfer")]
    assert recorded.userid == ZHAO
