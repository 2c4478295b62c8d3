"""When which step is due, and what becomes of it: a table of cases, and a property against a simple reading."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sops.model import Audience, Enrolment, Rule, RuleState, Spec, Step, Trigger, Ways
from services.sops.plan import Calendar, due_at, plan_look, timetable
from services.sops.workdays import is_workday
from shared.ids import CustomerId

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(SHANGHAI, is_workday)
START = datetime(2026, 9, 1, 2, 30, tzinfo=UTC)  # 10:30 in Shanghai, a Tuesday
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def step(id_: int, after: int | None = None, *, day: int | None = None, at: str | None = None,
         since: datetime = LONG_AGO) -> Step:  # fmt: skip
    return Step(id_, "x", since, after, day, time.fromisoformat(at) if at else None)


def rule(*steps: Step, running_since: datetime = LONG_AGO, **ways: object) -> Rule:
    spec = Spec(Trigger("friend"), Audience(), steps, (), Ways(**ways))  # type: ignore[arg-type]
    return Rule(1, "r", "customer", RuleState.RUNNING, spec, 1, 9, running_since, LONG_AGO, "x", LONG_AGO)


def way(anchor_at: datetime = START, **given: object) -> Enrolment:
    return Enrolment(1, 1, CustomerId(7), None, anchor_at, anchor_at, "rule", **given)  # type: ignore[arg-type]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("one", "workdays_only", "due"),
    [
        (step(1, 0), False, "2026-09-01 10:30"),
        (step(1, 1501), False, "2026-09-02 11:31"),
        (step(1, day=0, at="18:00"), False, "2026-09-01 18:00"),
        (step(1, day=0, at="09:00"), False, "2026-09-01 09:00"),
        (step(1, day=30, at="00:00"), False, "2026-10-01 00:00"),
        (step(1, day=30, at="10:00"), True, "2026-10-08 10:00"),  # the National Day holiday
        (step(1, day=19, at="10:00"), True, "2026-09-20 10:00"),  # a Sunday that is worked
        (step(1, day=4, at="10:00"), True, "2026-09-07 10:00"),  # Saturday: Monday
        (step(1, 4 * 1440), True, "2026-09-07 10:30"),
    ],
)
def test_a_step_has_its_time(one: Step, workdays_only: bool, due: str):
    """After the start, or at a clock time of a day in the corp's zone; days off are passed over by setting (SOP-1)."""
    assert due_at(one, START, CALENDAR, workdays_only=workdays_only) == local(due)


def test_a_clock_time_is_the_corps_own_in_summer_and_winter():
    """Nine o'clock is nine o'clock on both sides of a change of clocks (SOP-6)."""
    berlin = Calendar(ZoneInfo("Europe/Berlin"), is_workday)
    before = datetime(2026, 10, 24, 7, tzinfo=UTC)
    nine = step(1, day=1, at="09:00")
    assert due_at(nine, before, berlin, workdays_only=False) == datetime(2026, 10, 25, 8, tzinfo=UTC)


def acts(found: object) -> list[tuple[int, str, str | None]]:
    return [(one.step_id, one.act, one.why) for one in found.actions]  # type: ignore[attr-defined]


def test_several_that_are_due_are_told_in_order_and_old_ones_expire():
    """After a downtime: each once, in their order; what is too late is recorded as such (SOP-6)."""
    look = plan_look(rule(step(3, 60), step(1, 10), step(2, 3000), step(4, 9000)), way(), (), CALENDAR,
                     now=START + timedelta(minutes=3000))  # fmt: skip
    assert acts(look) == [(1, "expire", None), (3, "expire", None), (2, "remind", None)]
    assert (look.next_step_id, look.next_at) == (4, START + timedelta(minutes=9000))


def test_a_step_that_was_due_before_it_was_one_is_past():
    """An edit lets nobody hear of what would have been before it; who came in later has the step (SOP-3)."""
    edited = START + timedelta(minutes=90)
    changed = rule(step(1, 60, since=edited), step(2, 120, since=edited))
    assert acts(plan_look(changed, way(), (), CALENDAR, now=edited)) == [(1, "skip", "past")]
    later = replace(way(), entered_at=edited)
    assert acts(plan_look(changed, later, (), CALENDAR, now=edited)) == [(1, "remind", None)]


def test_what_fell_into_a_stop_is_past():
    """A stopped rule tells nothing, not even afterwards (SOP-3)."""
    again = rule(step(1, 60), step(2, 120), running_since=START + timedelta(minutes=90))
    assert acts(plan_look(again, way(), (), CALENDAR, now=START + timedelta(minutes=120))) == [
        (1, "skip", "past"),
        (2, "remind", None),
    ]


def test_a_clock_time_before_the_start_is_past():
    """Who comes in at half past ten hears nothing of nine o'clock (SOP-1)."""
    early = rule(step(1, day=0, at="09:00"), step(2, day=1, at="09:00"))
    assert acts(plan_look(early, way(), (), CALENDAR, now=START)) == [(1, "skip", "past")]


MOMENTS = st.integers(0, 6000)
STEPS = st.lists(MOMENTS, min_size=1, max_size=6, unique=True)


@settings(max_examples=200, deadline=None)
@given(
    first=STEPS,
    edits=st.lists(st.tuples(MOMENTS, STEPS), max_size=3),
    looks=st.lists(MOMENTS, min_size=1, max_size=12),
    late=st.integers(0, 2000),
)
def test_looks_at_any_times_do_what_a_simple_reading_says(
    first: list[int], edits: list[tuple[int, list[int]]], looks: list[int], late: int
):
    """Whenever somebody looks, and whatever is edited in between: each step once, or past, or too late (SOP-6).

    The reading: a minute of the rule, once it has been looked at after its time, is told if the look came within
    `late` minutes and the minute was the rule's already when it came.
    """
    told: dict[int, str] = {}
    minutes = dict.fromkeys(first, 0)  # minute -> the minute at which it got into the rule
    ids = {minute: n for n, minute in enumerate(first, 1)}
    passed: dict[int, str] = {}
    changes = dict(edits)
    for moment in sorted({*looks, *changes}):
        if moment in changes:
            wanted = changes[moment]
            minutes = {one: minutes.get(one, moment) for one in wanted}
            for one in wanted:
                if one not in ids:
                    ids[one] = len(ids) + 1
        if moment not in looks:
            continue
        steps = [step(ids[m], m, since=START + timedelta(minutes=since)) for m, since in minutes.items()]
        now = START + timedelta(minutes=moment)
        look = plan_look(rule(*steps, late_s=late * 60), way(), passed, CALENDAR, now=now)
        for action in look.actions:
            assert action.step_id not in passed
            passed[action.step_id] = action.act
        for minute, since in minutes.items():
            if minute <= moment and ids[minute] not in told:
                told[ids[minute]] = "skip" if minute < since else "remind" if moment - minute <= late else "expire"
        assert passed == told
        ahead = sorted(m for m in minutes if m > moment and ids[m] not in told)
        assert look.next_at == (START + timedelta(minutes=ahead[0]) if ahead else None)
        assert plan_look(rule(*steps, late_s=late * 60), way(), passed, CALENDAR, now=now).actions == ()


@settings(max_examples=100, deadline=None)
@given(days=st.lists(st.integers(0, 400), min_size=1, max_size=10), workdays_only=st.booleans())
def test_steps_come_in_order_on_days_that_are_worked(days: list[int], workdays_only: bool):
    """By setting none falls on a day off, none comes earlier than without, and each within two weeks of it (SOP-1)."""
    steps = tuple(step(n, day=day, at="10:00") for n, day in enumerate(days))
    spec = Spec(Trigger("friend"), Audience(), steps, (), Ways(workdays_only=workdays_only))
    times = timetable(spec, START, CALENDAR)
    assert [due for due, _ in times] == sorted(due for due, _ in times)
    for due, one in times:
        plain = due_at(one, START, CALENDAR, workdays_only=False)
        assert timedelta(0) <= due - plain <= timedelta(days=14)
        assert due == plain if not workdays_only else is_workday(due.astimezone(SHANGHAI).date())


def test_years_that_nobody_has_announced_are_weekdays_and_holidays_that_do_not_move():
    """The library knows no year before it is announced; the calendar goes on (SOP-1)."""
    assert [is_workday(date(2099, 10, day)) for day in (1, 2, 5, 6, 10)] == [False, False, True, True, False]
