"""When is which step due, and what becomes of it. Pure.

An enrolment is looked at when its next step is due, or when its rule has changed. A look says what becomes of every
step whose time has come, in order, and when to look again: planned again, nothing is left to do.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.sops.model import Enrolment, Rule, Spec, Step

IsWorkday = Callable[[date], bool]
MOST_DAYS_OFF = 60
"""In a row; a calendar that knows no workday must not hold anybody for ever."""
Act = Literal["remind", "expire", "skip"]
PAST, LEFT_OUT = "past", "left_out"
"""Why a step is skipped: its time was over when it became a step of theirs; by hand."""


@dataclass(frozen=True)
class Calendar:
    """A corp's days. `is_workday` is asked only by rules that want workdays only."""

    zone: ZoneInfo
    is_workday: IsWorkday


@dataclass(frozen=True)
class Action:
    step_id: int
    act: Act
    due_at: datetime
    why: str | None = None


@dataclass(frozen=True)
class Look:
    """`next_at` None: no step is ahead, the enrolment is over."""

    actions: tuple[Action, ...]
    next_at: datetime | None
    next_step_id: int | None


def due_at(step: Step, anchor_at: datetime, calendar: Calendar, *, workdays_only: bool) -> datetime:
    """When the step is due for who started at `anchor_at`; UTC."""
    if step.after_minutes is not None:
        due = (anchor_at + timedelta(minutes=step.after_minutes)).astimezone(UTC)
    else:
        assert step.day is not None and step.at is not None
        day = anchor_at.astimezone(calendar.zone).date() + timedelta(days=step.day)
        # A clock time that the change to summer time leaves out is that much later.
        due = datetime.combine(day, step.at, calendar.zone).astimezone(UTC)
    return _on_workday(due, calendar) if workdays_only else due


def _on_workday(due: datetime, calendar: Calendar) -> datetime:
    local = due.astimezone(calendar.zone)
    for days in range(MOST_DAYS_OFF):
        day = local.date() + timedelta(days=days)
        if calendar.is_workday(day):
            return due if days == 0 else datetime.combine(day, local.timetz()).astimezone(UTC)
    return due


def timetable(spec: Spec, anchor_at: datetime, calendar: Calendar) -> list[tuple[datetime, Step]]:
    """All steps with their times, in the order in which they come; of one time, in the rule's order."""
    timed = [(due_at(one, anchor_at, calendar, workdays_only=spec.ways.workdays_only), one) for one in spec.steps]
    return sorted(timed, key=lambda one: one[0])


def plan_look(rule: Rule, enrolment: Enrolment, passed: Collection[int], calendar: Calendar, *, now: datetime) -> Look:
    """`passed`: ids of steps of which something has become already; they stay as they are."""
    actions, ahead = [], None
    for due, step in timetable(rule.spec, enrolment.anchor_at, calendar):
        if step.id in passed:
            continue
        if due > now:
            ahead = ahead or (due, step.id)
            continue
        actions.append(_action(rule, enrolment, step, due, now=now))
    return Look(tuple(actions), *(ahead or (None, None)))


def _action(rule: Rule, enrolment: Enrolment, step: Step, due: datetime, *, now: datetime) -> Action:
    if step.id in enrolment.left_out:
        return Action(step.id, "skip", due, LEFT_OUT)
    if due < max(_starts(rule, enrolment, step)):
        return Action(step.id, "skip", due, PAST)
    late = now - due > timedelta(seconds=rule.spec.ways.late_s)
    return Action(step.id, "expire" if late else "remind", due)


def _starts(rule: Rule, enrolment: Enrolment, step: Step) -> Iterator[datetime]:
    """Moments before which a step that was due is past: nobody hears of it."""
    yield enrolment.anchor_at
    # Who came in after the edit has had the step from the start, though what brought them in happened before it.
    if step.since > enrolment.entered_at:
        yield step.since
    if rule.running_since is not None:
        yield rule.running_since
    if enrolment.since is not None:
        yield enrolment.since
