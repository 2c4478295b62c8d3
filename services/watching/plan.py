"""Decides what the clock calls for now. Pure (LOSS-3, STG-2, GRP-6, TRF-6).

A clock may jump: forward, and what was passed over is looked for once; back, and what was done stays done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from services.watching.model import Told

DAY = timedelta(days=1)
EVENT_GRACE = timedelta(minutes=15)
"""So long after its start an event is still worth a reminder."""


@dataclass(frozen=True)
class Look:
    """`day`: the corp's day whose look is due, None when none is. `last_on`, `next_at`: what to remember."""

    day: date | None
    last_on: date
    next_at: datetime


def day_of(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def first_look(hour: int, zone: tzinfo, *, now: datetime) -> Look:
    """The next time it is this hour: what is new does not begin with a look that is late."""
    today = day_of(now, zone)
    last_on = today if now >= _moment(today, hour, zone) else today - DAY
    return Look(None, last_on, _moment(last_on + DAY, hour, zone))


def look(hour: int, zone: tzinfo, *, last_on: date, now: datetime) -> Look:
    """Whether today's look is due: once a day, late rather than never.

    `last_on` further ahead than tomorrow was written by a clock that ran ahead, and counts for nothing.
    """
    today = day_of(now, zone)
    if last_on > today + DAY:
        return first_look(hour, zone, now=now)
    begins_at = _moment(today, hour, zone)
    if last_on < today and begins_at <= now:
        return Look(today, today, _moment(today + DAY, hour, zone))
    return Look(None, last_on, begins_at if last_on < today else _moment(last_on + DAY, hour, zone))


def _moment(day: date, hour: int, zone: tzinfo) -> datetime:
    """When it is this hour of a day. One that a clock change skips comes an hour later; of two the first counts."""
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)


def number_due(
    since: datetime, told: Told | None, *, days: int, every_days: int | None, today: date, zone: tzinfo
) -> int | None:
    """Which reminder of somebody who is there, or out of contact, since then is due today: the first, the second…

    None: none is. What was told of an earlier stay, or before a later contact, counts for nothing.
    """
    if day_of(since, zone) + timedelta(days=days) > today:
        return None
    if told is None or told.since != since:
        return 1
    if every_days is not None and told.on + timedelta(days=every_days) <= today:
        return told.number + 1
    return None


def begin_of(day: date, zone: tzinfo) -> datetime:
    return _moment(day, 0, zone)


def deadline_due(
    until: date, before_days: Sequence[int], *, told: Collection[int], today: date
) -> tuple[int, tuple[int, ...]] | None:
    """(days that are left, announcements that this one stands for); None: none is due.

    Of several that were passed over the last one is told, for all of them. Nothing is announced after the last day.
    """
    left = (until - today).days
    passed = tuple(sorted(one for one in set(before_days) if left <= one and one not in told))
    return (left, passed) if left >= 0 and passed else None


def event_is_over(starts_at: datetime, *, now: datetime) -> bool:
    return now > starts_at + EVENT_GRACE
