"""How a customer stands follows from all relations together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.customers.model import State
from services.loss.model import CustomerDeleted, CustomerLost, CustomerReturned, Standing
from services.loss.plan import StandingPlan, plan_standing, standing_of
from tests.services.factories import CONTACT, CUSTOMER, LI, WANG, ZHAO, at, friendship, relation

IDS = {"customer_id": CUSTOMER, "external_userid": CONTACT}
BY_CUSTOMER, BY_ASSOCIATE = State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE


def lost(userid, second):
    return relation(userid, friendship(1, second, BY_CUSTOMER))


def deleted(userid, second):
    return relation(userid, friendship(1, second, BY_ASSOCIATE))


@pytest.mark.parametrize(
    ("relations", "standing"),
    [
        pytest.param([], Standing.NONE, id="no relation"),
        pytest.param([relation(LI, half=5)], Standing.HALF, id="asked, not confirmed"),
        pytest.param([relation(LI, friendship(1))], Standing.FRIEND, id="a friend"),
        pytest.param([relation(LI, friendship(1), state=State.OUT_OF_SIGHT)], Standing.FRIEND, id="out of sight"),
        pytest.param([lost(LI, 9)], Standing.LOST, id="the only friend was removed by the customer"),
        pytest.param([deleted(LI, 9)], Standing.DELETED, id="the only friend removed the customer"),
        pytest.param(
            [lost(LI, 9), relation(ZHAO, friendship(2))], Standing.FRIEND, id="lost by one, friend of another"
        ),
        pytest.param([lost(LI, 9), deleted(ZHAO, 8)], Standing.LOST, id="the last to end was ended by the customer"),
        pytest.param(
            [lost(LI, 8), deleted(ZHAO, 9)], Standing.DELETED, id="the last to end was ended by the associate"
        ),
        pytest.param(
            [relation(LI, friendship(1, 9, State.TRANSFERRED))], Standing.NONE, id="a transfer is neither of the two"
        ),
        pytest.param(
            [lost(LI, 5), relation(ZHAO, friendship(1, 9, State.TRANSFERRED))], Standing.NONE, id="transferred last"
        ),
        pytest.param([relation(LI, friendship(1, 9, State.ASSOCIATE_LEFT))], Standing.LEFT, id="the last friend left"),
        pytest.param(
            [relation(LI, friendship(1, 9, BY_CUSTOMER), state=State.HALF, half=12)],
            Standing.LOST,
            id="lost, asks again",
        ),
        pytest.param([relation(LI, friendship(1, 5), friendship(9))], Standing.FRIEND, id="lost once, friends again"),
    ],
)
def test_standing_is_told_by_the_last_friendship_to_end(relations, standing):
    """Lost or deleted only when nobody is left; a transfer is neither (ASG-7, ASG-8, LOSS-1)."""
    assert standing_of(relations) is standing
    assert standing_of(relations[::-1]) is standing


@pytest.mark.parametrize(
    ("relations", "before", "fact"),
    [
        pytest.param([lost(LI, 9)], Standing.FRIEND, CustomerLost, id="lost"),
        pytest.param([deleted(LI, 9)], Standing.FRIEND, CustomerDeleted, id="deleted"),
        pytest.param([relation(LI, friendship(1, 5), friendship(9))], Standing.LOST, CustomerReturned, id="back"),
        pytest.param(
            [deleted(LI, 5), relation(ZHAO, friendship(9))], Standing.DELETED, CustomerReturned, id="back with another"
        ),
        pytest.param([relation(LI, friendship(9))], Standing.NONE, None, id="a first friend"),
        pytest.param([relation(LI, half=9)], Standing.NONE, None, id="a half-add"),
        pytest.param([relation(LI, friendship(1, 9, State.TRANSFERRED))], Standing.FRIEND, None, id="transferred"),
    ],
)
def test_a_change_of_standing_is_told_at_its_own_time(relations, before, fact):
    """The customer is lost, deleted or back at the second of the relation that made it so (ASG-7, ASG-8)."""
    plan = plan_standing(relations, before, **IDS)
    assert plan.standing is standing_of(relations)
    assert plan.facts == ((fact(occurred_at=at(9), **IDS),) if fact else ())


def test_a_loss_learned_late_is_told_although_the_customer_was_deleted_later():
    """Who ended the last friendship decides, not who we heard of last (LOSS-1, ASG-10)."""
    assert plan_standing([lost(LI, 8), deleted(ZHAO, 9)], Standing.DELETED, **IDS) == StandingPlan()


relations_of = st.builds(
    lambda userids, kinds: [
        relation(userid, friendship(1)) if end is None else relation(userid, friendship(1, second, end))
        for userid, (second, end) in zip(userids, kinds, strict=False)
    ],
    st.permutations([LI, ZHAO, WANG]),
    st.lists(
        st.tuples(st.integers(2, 4), st.sampled_from([None, BY_CUSTOMER, BY_ASSOCIATE, State.TRANSFERRED])), max_size=3
    ),
)


@settings(max_examples=200, deadline=None)
@given(relations_of, st.sampled_from(list(Standing)))
def test_standing_settles_and_does_not_depend_on_order(relations, before):
    """Plan, apply, plan again is empty, whatever came first (ASG-10)."""
    plan = plan_standing(relations, before, **IDS)
    assert plan_standing(relations[::-1], before, **IDS) == plan
    assert plan_standing(relations, plan.standing or before, **IDS) == StandingPlan()
