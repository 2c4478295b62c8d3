"""What the clock calls for now: in all zones, over clock changes, and when the clock itself jumps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.watching.model import Told
from services.watching.plan import day_of, deadline_due, event_is_over, first_look, look, number_due

SHANGHAI, BERLIN, SANTIAGO = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Santiago")
D = date(2026, 3, 10)
MOMENTS = st.integers(0, 333 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def shanghai(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("last_on", "now", "day"),
    [
        pytest.param(date(2026, 3, 9), shanghai(D, 7, 59), None, id="not yet eight"),
        pytest.param(date(2026, 3, 9), shanghai(D, 8), D, id="eight"),
        pytest.param(date(2026, 3, 9), shanghai(D, 23, 59), D, id="late rather than never"),
        pytest.param(D, shanghai(D, 8), None, id="once a day"),
        pytest.param(date(2026, 2, 1), shanghai(D, 9), D, id="after a month without a scheduler: once"),
        pytest.param(D, shanghai(date(2026, 3, 9), 8), None, id="the clock went back a day: done is done"),
        pytest.param(date(2027, 1, 1), shanghai(D, 7), None, id="a clock ran ahead: as if it were new"),
        pytest.param(date(2027, 1, 1), shanghai(D, 9), None, id="a clock ran ahead, and today's hour is over"),
    ],
)
def test_a_look_is_due_once_a_day_at_its_hour(last_on, now, day):
    """Eight in the corp's time zone, whatever the clock did (LOSS-3)."""
    found = look(8, SHANGHAI, last_on=last_on, now=now)
    assert found.day == day
    assert found.next_at > now
    assert found.next_at.astimezone(SHANGHAI).hour == 8


@pytest.mark.parametrize(
    ("zone", "hour", "day", "at"),
    [
        pytest.param(
            BERLIN, 8, date(2026, 3, 29), datetime(2026, 3, 29, 6, tzinfo=UTC), id="after the change in spring"
        ),
        pytest.param(BERLIN, 2, date(2026, 3, 29), datetime(2026, 3, 29, 1, tzinfo=UTC), id="an hour that is skipped"),
        pytest.param(
            BERLIN, 2, date(2026, 10, 25), datetime(2026, 10, 25, 0, tzinfo=UTC), id="an hour that comes twice"
        ),
        pytest.param(BERLIN, 8, date(2026, 10, 25), datetime(2026, 10, 25, 7, tzinfo=UTC), id="after that in autumn"),
        pytest.param(
            SANTIAGO, 0, date(2026, 9, 6), datetime(2026, 9, 6, 4, tzinfo=UTC), id="a midnight that is skipped"
        ),
    ],
)
def test_a_clock_change_neither_skips_nor_repeats_a_look(zone, hour, day, at):
    """A day that lacks the hour has its look an hour later, one that has it twice the first time (LOSS-3)."""
    before = day - timedelta(days=1)
    assert look(hour, zone, last_on=before, now=at - timedelta(seconds=1)).day is None
    found = look(hour, zone, last_on=before, now=at)
    assert found.day == day
    assert look(hour, zone, last_on=found.last_on, now=at + timedelta(hours=1)).day is None


@given(
    st.sampled_from([SHANGHAI, BERLIN, SANTIAGO]),
    st.integers(0, 23),
    MOMENTS,
    st.lists(st.integers(60, 40 * 3600), min_size=1, max_size=60),
)
def test_however_often_somebody_looks_each_day_has_one_look_at_most_and_none_is_left_out(zone, hour, begin, steps):
    """Every day on which somebody looked after the hour had its look, once (LOSS-3)."""
    state, now, looked, seen = first_look(hour, zone, now=begin), begin, [], set()
    for step in steps:
        now += timedelta(seconds=step)
        found = look(hour, zone, last_on=state.last_on, now=now)
        assert found.next_at > now
        assert found.day is None or now >= state.next_at  # whoever waits for next_at misses nothing
        looked += [found.day] if found.day else []
        if now.astimezone(zone).hour > hour:
            seen.add(day_of(now, zone))
        state = found
    assert len(looked) == len(set(looked))
    assert seen - {day_of(begin, zone)} <= set(looked)


@given(
    st.integers(0, 23),
    MOMENTS,
    st.lists(st.integers(-90_000, 100_000), min_size=1, max_size=60),
)
def test_a_clock_that_goes_back_by_a_day_repeats_no_look(hour, begin, steps):
    """Set back and on again as often as it may be, no day is looked at twice (LOSS-3)."""
    state, now, looked, ahead = first_look(hour, SHANGHAI, now=begin), begin, [], begin
    for step in steps:
        now = max(now + timedelta(seconds=step), ahead - timedelta(days=1))
        ahead = max(ahead, now)
        state = look(hour, SHANGHAI, last_on=state.last_on, now=now)
        looked += [state.day] if state.day else []
    assert len(looked) == len(set(looked))


ENTERED = shanghai(date(2026, 3, 3), 23, 30)


@pytest.mark.parametrize(
    ("told", "every", "today", "number"),
    [
        pytest.param(None, None, date(2026, 3, 9), None, id="six days"),
        pytest.param(None, None, D, 1, id="seven days of the calendar"),
        pytest.param(None, None, date(2026, 5, 1), 1, id="late rather than never"),
        pytest.param(Told(ENTERED, 1, D), None, date(2026, 3, 20), None, id="once"),
        pytest.param(Told(ENTERED, 1, D), 3, date(2026, 3, 12), None, id="not yet again"),
        pytest.param(Told(ENTERED, 1, D), 3, date(2026, 3, 13), 2, id="again after three days"),
        pytest.param(Told(ENTERED, 2, D), 3, date(2026, 4, 13), 3, id="again once, however late"),
        pytest.param(Told(ENTERED, 1, date(2026, 3, 12)), 3, D, None, id="the clock went back"),
        pytest.param(Told(shanghai(date(2026, 1, 1), 9), 4, D), None, D, 1, id="told of an earlier stay"),
    ],
)
def test_a_stay_is_told_after_its_days_and_again_as_was_set(told, every, today, number):
    """Once for each entry into the stage, and each time that was asked for (STG-2)."""
    assert number_due(ENTERED, told, days=7, every_days=every, today=today, zone=SHANGHAI) == number


@given(
    st.integers(1, 40),
    st.none() | st.integers(1, 20),
    st.lists(st.integers(-3, 30), max_size=50),
)
def test_no_number_of_a_stay_comes_twice_whatever_the_days_do(days, every, steps):
    """Numbers go up one by one, and never within fewer days than were set (STG-2)."""
    today, told = day_of(ENTERED, SHANGHAI), None
    for step in steps:
        today += timedelta(days=step)
        number = number_due(ENTERED, told, days=days, every_days=every, today=today, zone=SHANGHAI)
        if number is None:
            continue
        assert (today - day_of(ENTERED, SHANGHAI)).days >= days
        assert number == (told.number if told else 0) + 1
        assert told is None or (every is not None and (today - told.on).days >= every)
        told = Told(ENTERED, number, today)


@pytest.mark.parametrize(
    ("left", "told", "due"),
    [
        pytest.param(8, (), None, id="too early"),
        pytest.param(7, (), (7, (7,)), id="a week before"),
        pytest.param(5, (), (5, (7,)), id="late rather than never"),
        pytest.param(5, (7,), None, id="once"),
        pytest.param(1, (7,), (1, (1,)), id="the day before"),
        pytest.param(0, (), (0, (1, 7)), id="the last day stands for all"),
        pytest.param(-1, (), None, id="over"),
        pytest.param(6, (1, 7), None, id="the clock went back"),
    ],
)
def test_a_last_day_is_announced_once_for_each_of_its_days_before(left, told, due):
    """In time, and never after (TRF-6)."""
    assert deadline_due(D + timedelta(days=left), (7, 1), told=told, today=D) == due


def test_an_event_that_began_long_ago_is_not_worth_a_reminder():
    """A quarter of an hour late is still of use (GRP-6)."""
    assert not event_is_over(shanghai(D, 9), now=shanghai(D, 9, 15))
    assert event_is_over(shanghai(D, 9), now=shanghai(D, 9, 16))
