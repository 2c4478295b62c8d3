"""What is new of the stays of one member: each start and each end is told once. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.groups.model import Stay


@dataclass(frozen=True)
class News:
    """Stays whose start or end was not told before; `returned` go on though their end was told."""

    joined: tuple[Stay, ...]
    left: tuple[Stay, ...]
    returned: tuple[Stay, ...]


def news(before: Sequence[Stay], after: Sequence[Stay]) -> News:
    """A time that only moved was told before; what is told of a member is as many starts and ends as there are."""
    joined, _ = _untold([s.joined_at for s in before], [(s.joined_at, s) for s in after])
    left, gone = _untold([s.left_at for s in before], [(s.left_at, s) for s in after])
    present = [stay for stay in after if stay.left_at is None]
    return News(tuple(joined), tuple(left), tuple(present[:gone]))


def _untold(known: Iterable[datetime | None], wanted: Iterable[tuple[datetime | None, Stay]]) -> tuple[list[Stay], int]:
    """Stays with a time that is not among the known ones; each known time that is gone stands for the nearest."""
    times = [at for at in known if at is not None]
    untold = []
    for at, stay in wanted:
        if at is None:
            continue
        if at in times:
            times.remove(at)
        else:
            untold.append((at, stay))
    gone = 0
    for time in times:
        if not untold:
            gone += 1
            continue
        untold.remove(min(untold, key=lambda one: abs(one[0] - time)))
    return [stay for _, stay in untold], gone
