"""What may start: within any minute and hour, the urgent first, closed after a 45009, fewer at once after a 45033."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.wecom.apis import Priority
from shared.wecom.budget import (
    BURST,
    HOUR_S,
    PENALTY_MARGIN_S,
    SLOTS,
    Limits,
    Scope,
    Usage,
    advanced,
    agreed,
    allowed_at_once,
    closed,
    grant,
    in_advance,
    lowered,
    taken,
    unused,
    wait_s,
)

NOW = 1_800_000_000.0
BACKFILL, EVENTS, WELCOME = Priority.BACKFILL, Priority.EVENTS, Priority.WELCOME


def scope(limits: Limits, *, now: float = NOW) -> Scope:
    return Scope(unused(limits, now=now), limits)


def ask(
    present: Scope, *wanted: Priority, now: float, under_way: int = 0, holder: str = "me"
) -> tuple[Scope, int, float]:
    """The new scope, how many were granted, how long the next has to wait."""
    (after,), granted, wait = grant([present], wanted, under_way=under_way, holder=holder, keep_s=60, now=now)
    return after, sum(granted), wait


def most_within(times: list[float], window: float) -> int:
    times = sorted(times)
    return max((sum(1 for t in times[i:] if t < start + window) for i, start in enumerate(times)), default=0)


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 400),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 300), st.sampled_from(Priority)), max_size=60),
)
def test_no_minute_ever_has_more_than_its_limit(limit: int, steps: list[tuple[float, int, Priority]]):
    """Whatever is asked for and when, any 60 seconds hold at most the limit."""
    present, now, started = scope(Limits(limit, None, None)), NOW, []
    for pause, wanted, priority in steps:
        now += pause
        present, granted, _ = ask(present, *[priority] * wanted, now=now)
        started += [now] * granted
    assert most_within(started, 60) <= limit


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.floats(0, 900), st.integers(0, 80)), max_size=60))
def test_no_hour_ever_has_more_than_its_limit(steps: list[tuple[float, int]]):
    """Any 3,600 seconds hold at most the limit, however the calls are spread."""
    present, now, started = scope(Limits(None, 100, None)), NOW, []
    for pause, wanted in steps:
        now += pause
        present, granted, _ = ask(present, *[WELCOME] * wanted, now=now)
        started += [now] * granted
    assert most_within(started, 3600) <= 100


def test_who_asks_without_pause_gets_nine_tenths_of_the_minute_and_of_the_hour():
    """What is kept back is less than a tenth, also for the least urgent."""
    present, started = scope(Limits(600, None, None)), 0
    for tick in range(6000):
        present, granted, _ = ask(present, *[BACKFILL] * 20, now=NOW + tick / 10)
        started += granted
    assert 600 * 10 * 0.9 <= started <= 600 * 10 + 12
    present, started = scope(Limits(None, 1000, None)), 0
    for minute in range(60):
        present, granted, _ = ask(present, *[BACKFILL] * 100, now=NOW + minute * 60)
        started += granted
    assert 900 <= started <= 1000


def test_what_is_used_of_an_hour_is_given_back_minute_by_minute():
    """The wait is told to the minute in which there is room again."""
    present, granted, wait = ask(scope(Limits(None, 100, None)), *[WELCOME] * 200, now=NOW)
    assert granted == 97
    assert 3600 <= wait <= SLOTS * 60
    _, granted, _ = ask(present, WELCOME, now=NOW + wait - 1)
    assert granted == 0
    _, granted, _ = ask(present, WELCOME, now=NOW + wait)
    assert granted == 1


def test_backfill_leaves_places_to_the_urgent():
    """Backfill that takes all it may have never makes a welcome call wait."""
    present = scope(Limits(10_000, 150_000, 10))
    for tick in range(100):
        present, _, _ = ask(present, *[BACKFILL] * 128, now=NOW + tick / 20, holder=f"process{tick % 8}")
    _, granted, wait = ask(present, WELCOME, WELCOME, WELCOME, now=NOW + 5, holder="urgent")
    assert (granted, wait) == (3, 0.0)


def test_the_urgent_are_served_first_whoever_came_first():
    """In one question, priority decides, then the order of arrival."""
    present = Scope(replace(unused(Limits(100, None, None), now=NOW), tokens=1.0), Limits(100, None, None))
    _, granted, _ = grant([present], [BACKFILL, WELCOME, EVENTS], under_way=0, holder="me", keep_s=60, now=NOW)
    assert granted == [False, True, False]


def test_what_is_taken_in_advance_is_what_the_least_urgent_may_have():
    """It is counted at once, and leaves to the urgent what is theirs."""
    limits = Limits(10_000, 150_000, None)
    (after,), count = in_advance([scope(limits)], 500, now=NOW)
    assert count == ask(scope(limits), *[BACKFILL] * 500, now=NOW)[1]
    assert after.usage.in_hour == count
    assert ask(after, WELCOME, EVENTS, now=NOW)[1] == 2
    assert in_advance([after], 500, now=NOW) == ([after], 0)
    assert in_advance([scope(limits), after], 500, now=NOW)[1] == 0


def test_starts_in_advance_need_a_place_but_no_place_each():
    """They are made one after the other; where all places are taken, the next one is for whoever needs it most."""
    present = scope(Limits(10_000, 150_000, 10))
    assert in_advance([present], 50, now=NOW)[1] == 50
    crowded, _, _ = ask(present, *[EVENTS] * 7, now=NOW)
    assert in_advance([crowded], 50, now=NOW) == ([crowded], 0)


def test_calls_at_once_are_counted_over_all_processes_and_those_of_a_dead_one_are_forgotten():
    """Seven of ten for backfill; a killed process's calls count until they cannot be under way any more."""
    present, granted, wait = ask(scope(Limits(None, None, 10)), *[BACKFILL] * 5, now=NOW, holder="one")
    assert (granted, wait) == (5, 0.0)
    present, granted, wait = ask(present, *[BACKFILL] * 5, now=NOW, holder="two")
    assert (granted, wait) == (2, 0.05)
    present, granted, _ = ask(present, *[BACKFILL] * 5, now=NOW + 1, under_way=0, holder="two")
    assert granted == 2
    assert ask(present, *[WELCOME] * 9, now=NOW + 1, under_way=2, holder="two")[1] == 3
    assert ask(present, *[BACKFILL] * 9, now=NOW + 62, under_way=0, holder="two")[1] == 7


def test_an_address_counts_no_calls_at_once():
    """Its row is everybody's; it keeps nothing that it does not need."""
    present, _, _ = ask(scope(Limits(1000, None, None)), *[EVENTS] * 5, now=NOW)
    assert present.usage.holders == {}


def test_both_scopes_must_have_room():
    """A corp with room waits when the address from which all corps are called has none."""
    corp, address = Limits(1000, None, None), Limits(100, None, None)
    empty = Scope(replace(unused(address, now=NOW), tokens=0.0), address)
    scopes, granted, wait = grant([scope(corp), empty], [WELCOME], under_way=0, holder="me", keep_s=60, now=NOW)
    assert (granted, wait > 0) == ([False], True)
    assert scopes[0].usage.tokens == scope(corp).usage.tokens


def test_a_45009_closes_for_a_minute_and_when_it_repeats_for_an_hour():
    """Which limit was exceeded is not said; the second time within an hour it is taken for the hour's."""
    limits = Limits(600, 1000, None)
    once = closed(unused(limits, now=NOW), limits, now=NOW)
    assert once.closed_until == NOW + 60 + PENALTY_MARGIN_S
    assert closed(once, limits, now=NOW + 5) == once  # the answers of calls that were under way
    assert ask(Scope(once, limits), WELCOME, now=NOW + 60)[1:] == (0, PENALTY_MARGIN_S)
    assert ask(Scope(once, limits), WELCOME, now=NOW + 62)[1] == 1
    again = closed(once, limits, now=NOW + 62)
    assert again.closed_until == NOW + 62 + HOUR_S + PENALTY_MARGIN_S
    later = closed(once, limits, now=NOW + HOUR_S + 1)
    assert later.closed_until == NOW + HOUR_S + 1 + 60 + PENALTY_MARGIN_S


def test_a_45009_with_the_hour_nearly_used_up_is_the_hours():
    """Our own count tells which limit it was."""
    limits = Limits(600, 1000, None)
    full = taken(unused(limits, now=NOW), 950)
    assert closed(full, limits, now=NOW).closed_until == NOW + HOUR_S + PENALTY_MARGIN_S


def test_after_a_closed_time_calls_come_slowly():
    """No burst at the moment of opening."""
    limits = Limits(6000, None, None)
    shut = closed(unused(limits, now=NOW), limits, now=NOW)
    assert shut.tokens == 0
    assert ask(Scope(shut, limits), *[WELCOME] * 500, now=NOW + 61.5)[1] <= 6000 * 0.02


def test_a_45033_halves_the_calls_at_once_and_they_come_back_one_by_one():
    """The crowd's other answers within the same second say nothing new."""
    limits = Limits(None, None, 10)
    half = lowered(unused(limits, now=NOW), limits, now=NOW)
    assert lowered(half, limits, now=NOW + 0.5) == half
    assert [allowed_at_once(half, 10, now=NOW + wait) for wait in (0, 31, 61, 1000)] == [5, 6, 7, 10]
    quarter = lowered(half, limits, now=NOW + 2)
    assert allowed_at_once(quarter, 10, now=NOW + 2) == 2
    assert allowed_at_once(lowered(lowered(quarter, limits, now=NOW + 4), limits, now=NOW + 6), 10, now=NOW + 6) == 1


def test_a_clock_that_is_set_back_forgets_nothing_and_earns_nothing():
    """The state's time stands still for it; who asks adds the difference to its own clock (see Budgets)."""
    limits = Limits(600, 1000, None)
    used = taken(unused(limits, now=NOW), 500)
    assert advanced(used, limits, now=NOW - 86_400) == used
    assert agreed([Scope(used, limits)], now=NOW - 86_400) == NOW
    shut = Scope(closed(used, limits, now=NOW), limits)
    assert ask(shut, WELCOME, now=NOW - 86_400)[1:] == (0, 60 + PENALTY_MARGIN_S)


@pytest.mark.parametrize("ahead_s", [3, 125, 8 * 3600])
def test_two_clocks_that_differ_earn_nothing_twice(ahead_s: float):
    """Seconds, minutes, or a time zone: no minute's tokens come twice, and what was counted in the hour stays."""
    present, started = scope(Limits(600, 1000, None)), 0
    for tick in range(1200):
        ahead = ahead_s if tick % 2 else 0.0
        present, granted, _ = ask(present, *[WELCOME] * 50, now=NOW + tick / 10 + ahead)
        started += granted
    assert started <= 2 * 600
    assert present.usage.in_hour >= started - 600 * BURST  # the first look at the clock ahead may forget


@pytest.mark.parametrize("limit", [1, 2, 20])
def test_the_smallest_limits_let_something_through(limit: int):
    """A group robot may send twenty a minute; backfill too gets its turn."""
    present, started = scope(Limits(limit, None, None)), 0
    for tick in range(6000):
        present, granted, _ = ask(present, BACKFILL, now=NOW + tick / 10)
        started += granted
    assert limit * 10 * 0.4 <= started <= limit * 10


def test_the_wait_is_as_long_as_the_tokens_need():
    """Who waits knows for how long."""
    limits = Limits(600, None, None)
    usage = Usage(tokens=0.0, at=NOW, slots=(0,) * SLOTS, slot=int(NOW // 60))
    wait = wait_s(usage, limits, WELCOME, now=NOW)
    assert ask(Scope(usage, limits), WELCOME, now=NOW + wait * 0.9)[1] == 0
    assert ask(Scope(usage, limits), WELCOME, now=NOW + wait * 1.01)[1] == 1
