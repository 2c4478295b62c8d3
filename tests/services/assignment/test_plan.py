"""Who a customer is assigned to follows from friendships, their ends and decisions, by their own times."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assignment.model import (
    Assignment,
    AssignmentChange,
    CustomerAssigned,
    CustomerReassigned,
    CustomerUnassigned,
    Decision,
    ReassignmentRefusedError,
)
from services.assignment.plan import SYSTEM, AssignmentPlan, check_reassignment, plan_assignment
from services.customers.model import State
from tests.services.factories import CONTACT, CUSTOMER, LI, WANG, ZHAO, at, friendship, relation

NOBODY = Assignment()
IDS = {"customer_id": CUSTOMER, "external_userid": CONTACT}


def planned(relations, *decisions, recorded=NOBODY) -> AssignmentPlan:
    """The plan, after a check that it settles: once applied, there is nothing left to do."""
    known = {one.userid: one for one in relations}
    plan = plan_assignment(known, decisions, recorded, **IDS)
    assert plan_assignment(known, decisions, plan.assignment or recorded, **IDS) == AssignmentPlan()
    return plan


def decided(userid, second, by="operator Chen") -> Decision:
    return Decision(userid, at(second), by)


def assigned(userid, second) -> Assignment:
    return Assignment(userid, at(second))


def test_the_first_associate_to_become_a_friend_is_assigned():
    """The first friendship that was created assigns, whoever is read first (ASG-1)."""
    plan = planned([relation(ZHAO, friendship(200)), relation(WANG, friendship(100)), relation(LI, friendship(300))])
    assert plan.assignment == assigned(WANG, 100)
    assert plan.facts == (CustomerAssigned(occurred_at=at(100), to_userid=WANG, why="first_add", **IDS),)


def test_two_friendships_of_one_second_assign_to_the_first_by_id():
    """A customer has one assigned associate, also when two became friends in one second (ASG-1, ASG-10)."""
    both = [relation(ZHAO, friendship(100)), relation(LI, friendship(100))]
    assert planned(both).assignment == planned(both[::-1]).assignment == assigned(LI, 100)


def test_the_time_assigned_is_when_the_two_became_connected():
    """Not when the assignment changed: the new associate has been a friend since before (ASG-2)."""
    friends = [relation(LI, friendship(100, 500)), relation(ZHAO, friendship(200))]
    assert planned(friends, recorded=assigned(LI, 100)).assignment == assigned(ZHAO, 200)


def test_a_refined_time_is_written_without_a_change_of_assignment():
    """The same associate since another second is a correction, not a line of the history (ASG-2, ASG-9)."""
    plan = planned([relation(LI, friendship(99))], recorded=assigned(LI, 100))
    assert plan == AssignmentPlan(assigned(LI, 99))


FRIENDS = [relation(LI, friendship(100)), relation(ZHAO, friendship(200)), relation(WANG, friendship(50, 60))]


def test_an_operator_gives_the_customer_to_another_friend():
    """The relation is then the new associate's (ASG-4)."""
    plan = planned(FRIENDS, decided(ZHAO, 300), recorded=assigned(LI, 100))
    assert plan.assignment == assigned(ZHAO, 200)
    assert plan.changes[-1] == AssignmentChange(LI, ZHAO, "operator", at(300), "operator Chen")


@pytest.mark.parametrize(
    ("friends", "to_userid", "reason"),
    [
        pytest.param(FRIENDS, "Nobody", "not a friend", id="a stranger"),
        pytest.param(FRIENDS, WANG, "not a friend", id="a friend of the past"),
        pytest.param([*FRIENDS, relation("Half", half=90)], "Half", "not a friend", id="a half-add"),
        pytest.param(FRIENDS[:1], LI, "one friend only", id="the only friend"),
        pytest.param(FRIENDS, LI, "assigned to LiNa already", id="the assigned one"),
    ],
)
def test_a_reassignment_that_breaks_a_rule_is_refused(friends, to_userid, reason):
    """Only to a friend, and not with one friend only; the refusal says why (ASG-4)."""
    with pytest.raises(ReassignmentRefusedError, match=reason):
        check_reassignment({one.userid: one for one in friends}, assigned(LI, 100), to_userid)


def test_a_reassignment_to_another_friend_is_allowed():
    """A friend who is not assigned may take over (ASG-4)."""
    check_reassignment({one.userid: one for one in FRIENDS}, assigned(LI, 100), ZHAO)


def test_a_decision_for_one_who_is_no_friend_at_its_time_is_void():
    """A decision holds only among friends of its own time, even if they are friends later (ASG-4, ASG-10)."""
    friends = [relation(LI, friendship(100)), relation(ZHAO, friendship(400))]
    assert planned(friends, decided(ZHAO, 300)).assignment == assigned(LI, 100)


def test_when_the_assigned_friend_goes_the_earliest_other_friendship_takes_over():
    """Automatic, and told as a reassignment of both associates (ASG-5)."""
    friends = [
        relation(LI, friendship(100, 500)),
        relation(ZHAO, friendship(300)),
        relation(WANG, friendship(200)),
    ]
    plan = planned(friends, recorded=assigned(LI, 100))
    assert plan.changes[-1] == AssignmentChange(LI, WANG, "auto", at(500), SYSTEM)
    assert plan.facts == (CustomerReassigned(occurred_at=at(500), from_userid=LI, to_userid=WANG, why="auto", **IDS),)


def test_a_transfer_says_so_in_the_reason():
    """A friend taken away by a handover leaves for that reason, not by itself (ASG-5, ASG-9)."""
    friends = [relation(LI, friendship(100, 500, State.TRANSFERRED)), relation(ZHAO, friendship(300))]
    plan = planned(friends, recorded=assigned(LI, 100))
    assert plan.changes[-1] == AssignmentChange(LI, ZHAO, "transfer", at(500), SYSTEM)


@pytest.mark.parametrize("end", [State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE, State.TRANSFERRED])
def test_the_end_of_a_regular_friend_changes_nothing(end):
    """Only the assigned friend's end moves the customer (ASG-6)."""
    friends = [relation(LI, friendship(100)), relation(ZHAO, friendship(200, 500, end))]
    assert planned(friends, recorded=assigned(LI, 100)) == AssignmentPlan()


def test_the_end_of_a_regular_friend_does_not_undo_an_operators_choice():
    """The assigned one stays, although another friendship is older (ASG-6, ASG-4)."""
    friends = [relation(LI, friendship(100)), relation(ZHAO, friendship(200)), relation(WANG, friendship(150, 500))]
    assert planned(friends, decided(ZHAO, 300), recorded=assigned(ZHAO, 200)) == AssignmentPlan()
    assert planned(friends, decided(ZHAO, 300)).assignment == assigned(ZHAO, 200)


def test_when_the_only_friend_goes_nobody_is_assigned():
    """The last friend's end leaves the customer without an associate (ASG-7)."""
    plan = planned([relation(LI, friendship(100, 500))], recorded=assigned(LI, 100))
    assert plan.assignment == NOBODY
    assert plan.changes[-1] == AssignmentChange(LI, None, "lost", at(500), SYSTEM)
    assert plan.facts == (CustomerUnassigned(occurred_at=at(500), from_userid=LI, **IDS),)


def test_a_lost_customer_who_is_added_again_is_assigned_anew():
    """Whoever wins them back is assigned from the new friendship's start (ASG-8, ASG-2)."""
    friends = [relation(LI, friendship(100, 500)), relation(ZHAO, friendship(800))]
    plan = planned(friends)
    assert plan.assignment == assigned(ZHAO, 800)
    assert plan.changes[-1] == AssignmentChange(None, ZHAO, "first_add", at(800), SYSTEM)


@pytest.mark.parametrize(
    ("friends", "decisions", "before", "line"),
    [
        pytest.param([relation(LI, friendship(100))], [], NOBODY, (None, LI, "first_add", 100, SYSTEM), id="first add"),
        pytest.param(
            FRIENDS,
            [decided(ZHAO, 300, by="rule 9")],
            assigned(LI, 100),
            (LI, ZHAO, "operator", 300, "rule 9"),
            id="operator",
        ),
        pytest.param(
            [relation(LI, friendship(100, 400)), relation(ZHAO, friendship(200))],
            [],
            assigned(LI, 100),
            (LI, ZHAO, "auto", 400, SYSTEM),
            id="auto",
        ),
        pytest.param(
            [relation(LI, friendship(100, 400))], [], assigned(LI, 100), (LI, None, "lost", 400, SYSTEM), id="lost"
        ),
        pytest.param(
            [relation(LI, friendship(100)), relation(ZHAO, friendship(200))],
            [],
            assigned(ZHAO, 200),
            (ZHAO, LI, "first_add", 100, SYSTEM),
            id="an older friendship becomes known late",
        ),
    ],
)
def test_every_change_says_from_whom_to_whom_why_when_and_by_whom(friends, decisions, before, line):
    """Each change of the assigned associate is one line of the history (ASG-9)."""
    from_userid, to_userid, why, second, by = line
    change = planned(friends, *decisions, recorded=before).changes[-1]
    assert change == AssignmentChange(from_userid, to_userid, why, at(second), by)


def test_events_that_are_looked_at_together_are_told_one_by_one():
    """Lost by one, added by another, seen in one look: each step is kept, nobody hears of a handover (ASG-9)."""
    friends = [relation(LI, friendship(100, 500)), relation(ZHAO, friendship(800))]
    plan = planned(friends, recorded=Assignment(LI, at(100), at(100)))
    assert [(c.from_userid, c.to_userid, c.why) for c in plan.changes] == [
        (LI, None, "lost"),
        (None, ZHAO, "first_add"),
    ]
    assert [fact.TYPE for fact in plan.facts] == ["customer_unassigned", "customer_assigned"]


def test_a_customer_who_left_and_came_back_between_two_looks_has_both_in_the_history():
    """The history keeps both facts, although the assignment is the same again (ASG-8, ASG-9)."""
    plan = planned([relation(LI, friendship(100, 500), friendship(800))], recorded=Assignment(LI, at(100), at(100)))
    assert [(c.from_userid, c.to_userid) for c in plan.changes] == [(LI, None), (None, LI)]


def test_a_decision_that_had_no_effect_is_named():
    """The operator's choice had left before: it is not carried out, and that is not hidden (ASG-4, ASG-9)."""
    friends = [relation(LI, friendship(100)), relation(ZHAO, friendship(200, 250))]
    assert planned(friends, decided(ZHAO, 300)).ignored == (decided(ZHAO, 300),)


@pytest.mark.parametrize(
    ("end", "why"),
    [(State.ENDED_BY_CUSTOMER, "lost"), (State.ENDED_BY_ASSOCIATE, "auto"), (State.TRANSFERRED, "transfer")],
)
def test_only_what_the_customer_ended_is_a_loss(end, why):
    """A deletion or a handover that leaves nobody is not called lost (LOSS-1, ASG-9)."""
    plan = planned([relation(LI, friendship(100, 500, end))], recorded=assigned(LI, 100))
    assert plan.changes[-1] == AssignmentChange(LI, None, why, at(500), SYSTEM)


def test_a_half_add_never_assigns():
    """Nobody is assigned while the associate has not confirmed (ASG-10)."""
    assert planned([relation(LI, half=100)]) == AssignmentPlan()
    assert planned([relation(LI, half=100), relation(ZHAO, friendship(900))]).assignment == assigned(ZHAO, 900)


def test_an_end_without_a_known_start_never_assigns():
    """What is only known to be over assigns nobody (ASG-10)."""
    assert planned([relation(LI, friendship(None, 500))]) == AssignmentPlan()


def test_a_relation_out_of_sight_stays_assigned():
    """Not seeing an associate is no end of the friendship (ASG-6, ASG-10)."""
    friends = [relation(LI, friendship(100), state=State.OUT_OF_SIGHT), relation(ZHAO, friendship(200))]
    assert planned(friends, recorded=assigned(LI, 100)) == AssignmentPlan()


def test_a_decision_outlives_what_is_learned_later_about_the_time_before_it():
    """An older friendship that becomes known after the decision does not undo it (ASG-10)."""
    friends = [*FRIENDS, relation("Early", friendship(10))]
    assert planned(friends, decided(ZHAO, 300), recorded=assigned(ZHAO, 200)) == AssignmentPlan()


def test_a_friend_who_comes_back_does_not_take_the_customer_back():
    """A new friendship of the former associate is a regular one (ASG-1, ASG-5)."""
    friends = [relation(LI, friendship(100, 300), friendship(500)), relation(ZHAO, friendship(200))]
    assert planned(friends, recorded=assigned(ZHAO, 200)) == AssignmentPlan()


PEOPLE = [LI, ZHAO, WANG, "ChenJie"]


@st.composite
def pasts(draw):
    """Friendships of some associates and decisions of operators; decisions have a second of their own each."""
    relations = []
    for userid in draw(st.lists(st.sampled_from(PEOPLE), unique=True)):
        points = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=5, unique=True)))
        known = [friendship(*pair) for pair in zip(points[::2], points[1::2], strict=False)]
        relations.append(relation(userid, *known, *([friendship(points[-1])] if len(points) % 2 else [])))
    moments = draw(st.lists(st.integers(0, 20), unique=True, max_size=4))
    return relations, [decided(draw(st.sampled_from(PEOPLE)), second) for second in moments]


@settings(max_examples=200, deadline=None)
@given(pasts(), st.randoms(use_true_random=False), st.sampled_from([NOBODY, assigned(LI, 1), assigned(ZHAO, 2)]))
def test_assignment_does_not_depend_on_the_order_in_which_anything_became_known(past, random, recorded):
    """Any order of the inputs gives the same plan, it settles, and it names a friend (ASG-1, ASG-10)."""
    relations, decisions = past
    plan = planned(relations, *decisions, recorded=recorded)
    shuffled, others = list(relations), list(decisions)
    random.shuffle(shuffled)
    random.shuffle(others)
    assert planned(shuffled, *others, recorded=recorded) == plan
    result = plan.assignment or recorded
    friends = {one.userid: one.present.started_at for one in relations if one.present}
    assert (result.userid is None) == (not friends)
    assert result.userid is None or friends[result.userid] == result.connected_at


@settings(max_examples=200, deadline=None)
@given(pasts(), st.sampled_from([NOBODY, assigned(LI, 1), assigned(ZHAO, 2)]))
def test_what_was_recorded_before_does_not_change_the_result(past, recorded):
    """The result is a function of friendships and decisions alone (ASG-10)."""
    relations, decisions = past
    fresh = planned(relations, *decisions).assignment or NOBODY
    assert (planned(relations, *decisions, recorded=recorded).assignment or recorded) == fresh
