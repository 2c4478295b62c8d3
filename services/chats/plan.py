"""Decides about folders, names, days and reminders. Pure (GRP-3, GRP-5, GRP-6)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from services.chats.model import UNGROUPED_NAMES, Day, NameTakenError, OrderStaleError
from shared.grams import fold


def folder_key(name: str) -> str:
    """What makes folder names one.

    Raises:
        NameTakenError: it is the name of the folder that is always there, in either language.
    """
    key = fold(name)
    if key in {fold(one) for one in UNGROUPED_NAMES.values()}:
        raise NameTakenError("this is the name of the folder that is always there; choose another")
    return key


def check_order(asked: Sequence[int], present: Iterable[int]) -> None:
    """
    Raises:
        OrderStaleError: not each of those that are there is named once.
    """
    if sorted(asked) != sorted(present):
        raise OrderStaleError("name each folder once, without Ungrouped; somebody made or deleted one meanwhile?")


def fill_days(known: Sequence[Day], *, since: date, until: date, member_count: int) -> list[Day]:
    """Each day of a range, both ends included; on a day without a row nobody came or went.

    `known`: in order, from the last row before `since` on, and as far as there are any. `member_count` is the present
    number: it was the same as long as there are no rows.
    """
    rows = {one.day: one for one in known}
    count, filled = _before(known, since, member_count), []
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        row = rows.get(day) or Day(day, 0, 0, count)
        count = row.member_count
        filled.append(row)
    return filled


def _before(known: Sequence[Day], since: date, member_count: int) -> int:
    """How many were there when the range began."""
    earlier = [one for one in known if one.day < since]
    if earlier:
        return earlier[-1].member_count
    return known[0].member_count - known[0].joined_count + known[0].left_count if known else member_count


def remind_at(starts_at: datetime, remind_minutes: int | None) -> datetime | None:
    """When owners are to be reminded; None: never (GRP-6)."""
    return None if remind_minutes is None else starts_at - timedelta(minutes=remind_minutes)
