"""Puts the friendships of one relation in order of time, whatever order they became known in (ASG-8, ASG-10).

Points are what anybody knows: the creation time of a read, the times of events, what is recorded already. Replaying
them gives the friendships; comparing those with the recorded ones gives what is new, each start and end once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.customers.model import Friendship, State

START_OF_TIME = datetime(1, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class End:
    at: datetime
    by: State


def points_of(friendships: Iterable[Friendship]) -> tuple[set[datetime], set[End]]:
    """The starts and ends that recorded friendships stand for."""
    starts, ends = set(), set()
    for one in friendships:
        if one.started_at is not None:
            starts.add(one.started_at)
        if one.ended_at is not None and one.ended_by is not None:
            ends.add(End(one.ended_at, one.ended_by))
    return starts, ends


def replay(starts: Iterable[datetime], ends: Iterable[End]) -> tuple[Friendship, ...]:
    """The friendships that these points tell of, oldest first; at most the last one lasts.

    A start while connected and an end while apart say nothing new: WeCom repeats itself, sometimes with another
    second. In one second a start comes before an end, since nobody can end what has not begun.
    """
    moments: list[tuple[datetime, int, State | None]] = [(at, 0, None) for at in starts]
    moments += [(end.at, 1, end.by) for end in ends]
    told: list[Friendship] = []
    for at, _, ended_by in sorted(moments, key=lambda m: (m[0], m[1], m[2] or "")):
        connected = bool(told) and told[-1].ended_at is None
        if ended_by is None:
            if not connected:
                told.append(Friendship(at))
        elif connected:
            told[-1] = Friendship(told[-1].started_at, at, ended_by)
        elif not told:
            told.append(Friendship(None, at, ended_by))
    return tuple(told)


@dataclass(frozen=True)
class News:
    """Starts and ends that were not told before."""

    started: tuple[Friendship, ...]
    ended: tuple[Friendship, ...]
    reopened: bool
    """A recorded end does not hold any more."""


def news(recorded: Sequence[Friendship], told: Sequence[Friendship]) -> News:
    """What `told` adds to `recorded`.

    A start counts as told before when any recorded start lies in the same friendship, an end when any recorded end
    lies between this friendship's start and the next one's: a time refined by a second is not news.
    """
    starts, ends = points_of(recorded)
    end_times = {end.at for end in ends}
    started, ended = [], []
    for index, one in enumerate(told):
        before = told[index - 1].ended_at or START_OF_TIME if index else START_OF_TIME
        following = told[index + 1].started_at if index + 1 < len(told) else None
        last = one.ended_at or END_OF_TIME
        if one.started_at is not None and not any(before < at <= last for at in starts):
            started.append(one)
        lower, upper = one.started_at or START_OF_TIME, following or END_OF_TIME
        if one.ended_at is not None and not any(lower <= at < upper for at in end_times):
            ended.append(one)
    was_over = bool(recorded) and recorded[-1].ended_at is not None
    lasts = bool(told) and told[-1].ended_at is None
    return News(tuple(started), tuple(ended), reopened=was_over and lasts and told[-1] not in started)
