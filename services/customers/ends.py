"""Which starts and ends of a relation's friendships count. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.customers.model import END_KINDS, End, Evidence, Friendship

SAME_MOMENT = timedelta(seconds=10)
"""An event and a read may give the start of one friendship different seconds."""


def without_unended(starts: set[datetime], ends: set[End], *, before: datetime) -> set[datetime]:
    """The friendship that lasts began at `before`: a start clearly earlier, with no end between, was of one whose end
    nobody told of.
    """
    unended = {at for at in starts if not any(at <= end.at < before for end in ends)}
    return starts - {at for at in unended if at < before - SAME_MOMENT}


def end_of_half(starts: set[datetime], ends: set[End], halves: set[datetime]) -> set[End]:
    """Ends of half-adds that were never confirmed: nobody was a friend yet, so nobody lost one (ASG-10)."""
    first = min(halves, default=None)
    if first is None:
        return set()
    return {end for end in ends if end.at >= first and not any(start <= end.at for start in starts)}


def last_end(
    ends: set[End], told: Sequence[Friendship], half_over: set[End], evidence: Sequence[Evidence]
) -> datetime | None:
    """An end that only a read has found counts no more when an event has told of an earlier one."""
    said = {item.occurred_at for item in evidence if item.kind in END_KINDS}
    used = {one.end for one in told} | half_over
    return max((end.at for end in ends if end in used or end.at in said), default=None)
