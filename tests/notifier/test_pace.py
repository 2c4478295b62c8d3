"""A member gets no more messages than WeCom lets through."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.pace import Pace
from tests.services.factories import LI, ZHAO, at

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = 100_000.0
TOMORROW = at(NOW) + timedelta(hours=7)


def pace(*seconds: float, limits=((3, MINUTE), (5, HOUR)), recipient=LI, left_today=1000) -> Pace:
    """After tries `seconds` before now."""
    return Pace(
        {recipient: [at(NOW - ago) for ago in seconds]},
        now=at(NOW),
        limits=limits,
        left_today=left_today,
        next_day=TOMORROW,
    )


@pytest.mark.parametrize(
    ("tries", "wait_s"),
    [
        pytest.param([], None, id="nothing sent"),
        pytest.param([1, 2], None, id="one place left in the minute"),
        pytest.param([1, 2, 3], 57, id="the minute is full: wait for the oldest of it"),
        pytest.param([3, 2, 1], 57, id="in any order"),
        pytest.param([1, 2, 3, 4], 57, id="more than full: wait until two have left"),
        pytest.param([1, 2, 60], None, id="a try leaves the window at its end"),
        pytest.param([100, 200, 300, 400, 500], 3100, id="the hour is full"),
        pytest.param([1, 2, 3, 400, 500], 3100, id="both are full: wait for the later one"),
        pytest.param([1, 2, 3, 400, 3600], 57, id="the hour has a place again, the minute has not"),
        pytest.param([-1, -2, -3], 61, id="another machine's clock is a little ahead"),
        pytest.param([-3601, -3602, -3603], None, id="noted by a clock that ran ahead"),
    ],
)
def test_a_message_waits_until_every_window_has_a_place(tries, wait_s):
    """30 a minute and 1,000 an hour and member: the rest is dropped by WeCom in silence (LOSS-2)."""
    assert pace(*tries).take(LI) == (None if wait_s is None else at(NOW + wait_s))


def test_places_taken_now_count():
    """The fourth message of one batch waits a whole window (LOSS-2)."""
    one = pace()
    assert [one.take(LI) for _ in range(4)] == [None, None, None, at(NOW) + MINUTE]


def test_members_do_not_share_their_places():
    """Each member has limits of their own (LOSS-2)."""
    one = pace(1, 2, 3)
    assert (one.take(ZHAO), one.take(LI)) == (None, at(NOW + 57))


def test_the_apps_day_ends_for_all_members():
    """200 messages a day for each account of the corp: the rest waits for the next day (LOSS-2)."""
    one = pace(left_today=2)
    assert [one.take(who) for who in (LI, ZHAO, LI, ZHAO)] == [None, None, TOMORROW, TOMORROW]
    assert one.taken == 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=30), st.integers(1, 5), st.integers(1, 60))
def test_no_window_ever_holds_more_than_its_limit(moments, most, window_s):
    """Whatever comes when: a message sent where `take` allowed it, or at the moment it named, keeps to the limit."""
    window, sent = timedelta(seconds=window_s), []
    for second in sorted(moments):
        wait_until = Pace({LI: sent}, now=at(second), limits=[(most, window)], left_today=1, next_day=TOMORROW).take(LI)
        if wait_until is None:
            sent.append(at(second))
        else:
            assert wait_until > at(second)
            assert (
                Pace({LI: sent}, now=wait_until, limits=[(most, window)], left_today=1, next_day=TOMORROW).take(LI)
                is None
            )
    assert all(later - earlier >= window for earlier, later in zip(sent, sent[most:], strict=False))
