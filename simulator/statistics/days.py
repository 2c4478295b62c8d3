"""The days that a statistics call may ask for, and which of them are ready.

Source: WeCom server API, statistics (pages 92132 and 92133).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.statistics.book import DAY_S, day_of
from simulator.statistics.settings import StatisticsSettings

MOST_DAYS, OLDEST_DAYS = 30, 180


def days_asked(call: Call, begin: Any, end: Any, *, latest: int) -> list[int]:
    """Midnights of the closed interval; ApiError 40063 missing, 40058 reversed, too long, too old or after `latest`."""
    if not begin or not end:
        raise ApiError(40063, detail="start_time")
    if type(begin) is not int or type(end) is not int:
        raise ApiError(40058, detail="start_time")
    first, last, today = day_of(begin), day_of(end), day_of(call.world.now())
    if first > last or last > latest or first < today - OLDEST_DAYS * DAY_S:
        raise ApiError(40058, detail="start_time")
    days = list(range(first, last + 1, DAY_S))
    if len(days) > MOST_DAYS:
        raise ApiError(40058, detail="end_time")
    return days


def is_ready(call: Call, day: int) -> bool:
    """A day's numbers come on the next morning."""
    return call.world.now() >= day + DAY_S + call.settings(StatisticsSettings).ready_hour * 3600


def shown(call: Call, days: list[int]) -> list[int]:
    """Days that are not ready are zero, or by setting left out."""
    if not call.settings(StatisticsSettings).unready_days_are_missing:
        return days
    return [day for day in days if is_ready(call, day)]
