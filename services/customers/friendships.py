"""Puts the friendships of one relation in order of time, whatever order they became known in (ASG-8, ASG-10).

Points are what anybody knows: the creation time of a read, the times of events, what is recorded already. Replaying
them gives the friendships; comparing those with the recorded ones gives what is new, each start and end once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.customers.model import End, Friendship, State, Told

START_OF_TIME = datetime(1, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def points_of(friendships: Iterable[Friendship]) -> tuple[set[datetime], set[End]]:
    """The starts and ends that recorded friendships stand for."""
    starts, ends = set(), set()
    for one in friendships:
        if one.started_at is not None:
            starts.add(one.started_at)
        if one.end is not None:
            ends.add(one.end)
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
    """Starts and ends that were not told before; `told` is what has been told with them (see `Relation.told`)."""

    started: tuple[Friendship, ...]
    ended: tuple[Friendship, ...]
    reopened: bool
    """A recorded end does not hold any more."""
    told: Told
    """What was told with this news."""


def news(recorded: Sequence[Friendship], present: Sequence[Friendship], told: Told | None = None) -> News:
    """What `present` adds to what was told of `recorded`.

    A start or end is known when it was told with that very time, else when any time that was told lies in its place:
    a start's place is after the friendship before and within its own, an end's is from its start to the next one. So
    a time that is refined by a second is not news, and what late events split apart is told piece by piece, once. An
    end that somebody else turns out to have made is news.
    """
    before = told or told_by(recorded)
    started = _untold_starts(present, set(before.starts))
    ended = _untold_ends(present, set(before.ends))
    was_over = bool(recorded) and recorded[-1].ended_at is not None
    lasts = bool(present) and present[-1].ended_at is None
    return News(
        started=tuple(started),
        ended=tuple(ended),
        reopened=was_over and lasts and present[-1] not in started,
        told=before.and_of(started, ended),
    )


def told_by(friendships: Iterable[Friendship]) -> Told:
    """What friendships say by themselves."""
    starts, ends = points_of(friendships)
    return Told(frozenset(starts), frozenset(ends))


def _untold_starts(present: Sequence[Friendship], times: set[datetime]) -> list[Friendship]:
    wanted = [one for one in present if one.started_at is not None]
    left = [one for one in wanted if one.started_at not in times]
    times -= {one.started_at for one in wanted if one.started_at}
    untold = []
    for one in left:
        after, until = _place_of_start(present, present.index(one))
        found = min((time for time in times if after < time <= until), default=None)
        if found is None:
            untold.append(one)
        else:
            times.discard(found)
    return untold


def _untold_ends(present: Sequence[Friendship], ends: set[End]) -> list[Friendship]:
    wanted = [one for one in present if one.end is not None]
    left = [one for one in wanted if one.end not in ends]
    ends -= {one.end for one in wanted if one.end}
    untold = []
    for one in left:
        after, until = _place_of_end(present, present.index(one))
        found = min((end for end in ends if after < end.at <= until and end.by is one.ended_by), default=None)
        if found is None:
            untold.append(one)
        else:
            ends.discard(found)
    return untold


def _place_of_start(friendships: Sequence[Friendship], index: int) -> tuple[datetime, datetime]:
    before = friendships[index - 1].ended_at if index else None
    return before or START_OF_TIME, friendships[index].ended_at or END_OF_TIME


def _place_of_end(friendships: Sequence[Friendship], index: int) -> tuple[datetime, datetime]:
    following = friendships[index + 1].started_at if index + 1 < len(friendships) else None
    start = friendships[index].started_at
    # From its start on, up to but not including the next one's.
    return start - MOMENT if start else START_OF_TIME, following - MOMENT if following else END_OF_TIME
