"""Friendships come out in order of time, each start and each end told once."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.customers.friendships import End, news, points_of, replay
from services.customers.model import State
from tests.services.factories import at, friendship, times

CUSTOMER, ASSOCIATE = State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE
BY_CUSTOMER, BY_ASSOCIATE = CUSTOMER.value, ASSOCIATE.value


def ends(*known: tuple[float, State]) -> list[End]:
    return [End(at(second), by) for second, by in known]


@pytest.mark.parametrize(
    ("starts", "known_ends", "expected"),
    [
        pytest.param([], [], [], id="nothing known"),
        pytest.param([1], [], [(1, None, None)], id="began"),
        pytest.param([1], [(5, CUSTOMER)], [(1, 5, BY_CUSTOMER)], id="began and ended"),
        pytest.param([], [(5, CUSTOMER)], [(None, 5, BY_CUSTOMER)], id="only its end is known"),
        pytest.param([9], [(5, CUSTOMER)], [(None, 5, BY_CUSTOMER), (9, None, None)], id="began again after an end"),
        pytest.param([1, 9], [(5, ASSOCIATE)], [(1, 5, BY_ASSOCIATE), (9, None, None)], id="twice friends"),
        pytest.param([1, 2], [], [(1, None, None)], id="a start while connected says nothing new"),
        pytest.param(
            [1], [(5, CUSTOMER), (6, ASSOCIATE)], [(1, 5, BY_CUSTOMER)], id="an end while apart says nothing new"
        ),
        pytest.param([5], [(5, CUSTOMER)], [(5, 5, BY_CUSTOMER)], id="in one second the start comes first"),
    ],
)
def test_points_are_replayed_by_their_own_times(starts, known_ends, expected):
    """Whatever order starts and ends became known in, they are put in order of time (ASG-8, ASG-10)."""
    for one in (starts, starts[::-1]):
        assert times(replay([at(s) for s in one], ends(*known_ends))) == expected
        assert times(replay([at(s) for s in one], ends(*known_ends[::-1]))) == expected


@pytest.mark.parametrize(
    ("before", "after", "started", "ended", "reopened"),
    [
        pytest.param([], [(1,)], [(1,)], [], False, id="a first start"),
        pytest.param([(1,)], [(1,)], [], [], False, id="nothing"),
        pytest.param([(2,)], [(1,)], [], [], False, id="a start refined by a second"),
        pytest.param([(1,)], [(1, 5)], [], [(1, 5)], False, id="an end"),
        pytest.param([(1, 6)], [(1, 5)], [], [], False, id="an end refined by a second"),
        pytest.param([(1, 5)], [(1, 5), (9,)], [(9,)], [], False, id="a new friendship is no reopening"),
        pytest.param([(1, 5)], [(1,)], [], [], True, id="a recorded end does not hold"),
        pytest.param([(1,)], [(1, 5), (9,)], [(9,)], [(1, 5)], False, id="an end and a new start at once"),
        pytest.param([(9,)], [(1, 5), (9,)], [(1, 5)], [(1, 5)], False, id="an older friendship becomes known late"),
        pytest.param([(9,)], [(None, 5), (9,)], [], [(None, 5)], False, id="an older end becomes known late"),
        pytest.param([(2, 2)], [(2, 2), (4,)], [(4,)], [], False, id="after a friendship of one second"),
    ],
)
def test_only_what_was_not_told_before_is_news(before, after, started, ended, reopened):
    """Each start and each end of a friendship is told once (ASG-8)."""
    found = news([friendship(*one) for one in before], [friendship(*one) for one in after])
    assert found.started == tuple(friendship(*one) for one in started)
    assert found.ended == tuple(friendship(*one) for one in ended)
    assert found.reopened is reopened


seconds = st.integers(0, 12)
points = st.tuples(st.sets(seconds, max_size=5), st.sets(st.tuples(seconds, st.sampled_from([CUSTOMER, ASSOCIATE]))))


@settings(max_examples=200, deadline=None)
@given(points, st.randoms(use_true_random=False))
def test_the_order_in_which_points_are_given_does_not_matter(known, random):
    """Friendships are a function of what is known, not of the order in which it became known (ASG-10)."""
    starts, over = [at(s) for s in known[0]], ends(*known[1])
    first = replay(starts, over)
    random.shuffle(starts)
    random.shuffle(over)
    assert replay(starts, over) == first


@settings(max_examples=200, deadline=None)
@given(points)
def test_recorded_friendships_replay_to_themselves_and_are_no_news(known):
    """Plan, apply, plan again: nothing; and what is told is in order, with at most the last one lasting (ASG-10)."""
    told = replay([at(s) for s in known[0]], ends(*known[1]))
    starts, over = points_of(told)
    assert replay(starts, over) == told
    assert replay({*starts, *(at(s) for s in known[0])}, {*over, *ends(*known[1])}) == told
    again = news(told, told)
    assert (again.started, again.ended, again.reopened) == ((), (), False)
    assert all(one.ended_at is not None for one in told[:-1])
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(told))
