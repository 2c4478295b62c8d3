"""How many came and went a day, as differences: the days are kept beside the stays and never counted anew. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from services.groups.model import Stay


@dataclass(frozen=True)
class DayChange:
    """What to add to a day's numbers; negative when a time turned out to lie on another day."""

    joined: int = 0
    left: int = 0


def day_changes(before: Iterable[Stay], after: Iterable[Stay], *, zone: tzinfo) -> Mapping[date, DayChange]:
    """What the change from these stays to those means for each day in the corp's time zone."""
    joined, left = Counter[date](), Counter[date]()
    for stays, sign in ((before, -1), (after, 1)):
        for stay in stays:
            for at, count in ((stay.joined_at, joined), (stay.left_at, left)):
                if at is not None:
                    count[_day(at, zone)] += sign
    days = {day for count in (joined, left) for day, number in count.items() if number}
    return {day: DayChange(joined[day], left[day]) for day in sorted(days)}


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()
