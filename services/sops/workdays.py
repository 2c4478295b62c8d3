"""Which days are worked in mainland China: weekends that make up for a bridge day are, public holidays are not."""

from datetime import date
from zoneinfo import ZoneInfo

import chinese_calendar

from services.sops.plan import Calendar

FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""Public holidays by law whose day does not move (month, day). Of years that are announced, the library knows all."""


def is_workday(day: date) -> bool:
    """By the State Council's arrangements, which are announced each November for the year to come (by the library's
    next version); of other years, all but weekends and the holidays that do not move.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5 and (day.month, day.day) not in FIXED


def calendar_of(timezone: str) -> Calendar:
    """A corp's days."""
    return Calendar(ZoneInfo(timezone), is_workday)
