"""Days of people to moments, in the corp's time zone. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.finding.values import Period


def bounds(period: Period, *, now: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """From the first moment on (it belongs to the period), to the second, which does not."""
    if period.days is not None:
        return days_back(period.days, now=now, zone=zone), None
    return _moment(period.since, zone, add_days=0), _moment(period.until, zone, add_days=1)


def days_back(days: int, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of a period of that many days, of which today is the last."""
    return start_of(now.astimezone(zone).date() - timedelta(days=days - 1), zone)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _moment(given: datetime | date | None, zone: ZoneInfo, *, add_days: int) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    if given >= date.max:
        return None
    return start_of(given + timedelta(days=add_days), zone)


def next_days_of_year(days: int, *, today: date) -> list[int]:
    """Today and the days after it, as month * 100 + day; 29 February is on the 28th in most years."""
    coming = [today + timedelta(days=n) for n in range(days)]
    found = {one.month * 100 + one.day for one in coming}
    if any((one.month, one.day) == (2, 28) and not _leap(one.year) for one in coming):
        found.add(229)
    return sorted(found)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
