"""Puts the stays of one member of a chat in order of time, whatever order they became known in. Pure.

Points are what anybody knows: recorded starts and ends, those that events tell of, and the join time of a read.
Replaying them gives the stays; news.py tells what is new of them. A read decides who is there; events decide when
somebody left, and tell of those who came and went unseen.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.groups.model import Evidence, EvidenceKind, ObservedMember, Source, Stay
from services.groups.versions import LAG

SKEW = timedelta(seconds=30)
"""A join time, and the times of repeated events, may differ by so much from the first event's."""
START_OF_TIME = datetime(1, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Start:
    """by: READ is a join time of WeCom's read, EVENT is less sure, None is unknown (`at` says where it belongs)."""

    at: datetime
    by: Source | None
    scene: int | None = None
    told: Evidence | None = None


@dataclass(frozen=True)
class End:
    """by: READ was only found missing by then, so that an event which tells more takes its place.

    `began_at`: the start of the stay that it was recorded of.
    """

    at: datetime
    by: Source
    scene: int | None = None
    told: Evidence | None = None
    began_at: datetime | None = None


@dataclass(frozen=True)
class Span:
    start: Start
    end: End | None = None


@dataclass(frozen=True)
class Sight:
    """What a read says of one member; `observed` is None when it does not show them."""

    observed: ObservedMember | None
    observed_at: datetime
    may_lag: Callable[[Evidence], bool]
    doubt: datetime | None = None
    """Since when a version is recorded of which nobody can tell whether it is newer than the read's."""


@dataclass(frozen=True)
class Behind:
    """The read contradicts what is known: leave the member as recorded. `waits`: times of what it may not show yet."""

    waits: tuple[datetime, ...] = ()


def spans_of(sight: Sight, recorded: Sequence[Stay], evidence: Sequence[Evidence]) -> list[Span] | Behind:
    """All stays of one member after a read of the chat."""
    starts, ends = points(recorded, evidence)
    if sight.observed is None:
        return _absent(sight, replay(starts, ends))
    if sight.observed.joined_at is None:
        return _present_since_unknown(sight, replay(starts, ends))
    return _present(sight, sight.observed.joined_at, recorded, starts, ends)


def spans_until(dismissed_at: datetime, recorded: Sequence[Stay], evidence: Sequence[Evidence]) -> list[Span]:
    """All stays of one member when the chat is dismissed."""
    spans = replay(*points(recorded, evidence))
    if spans and spans[-1].end is None:
        spans[-1] = _closed(spans[-1], dismissed_at, Source.DISMISSAL)
    return spans


def points(recorded: Sequence[Stay], evidence: Iterable[Evidence]) -> tuple[list[Start], list[End]]:
    """What is known of starts and ends, in order of time, one per moment."""
    starts, ends = [], []
    before = START_OF_TIME
    for stay in sorted(recorded, key=in_time):
        starts.append(Start(stay.joined_at or before, stay.joined_by if stay.joined_at else None))
        if stay.left_at is not None:
            assert stay.left_by is not None
            ends.append(End(stay.left_at, stay.left_by, stay.quit_scene, began_at=stay.joined_at))
            before = stay.left_at
    for item in evidence:
        if item.kind is EvidenceKind.JOINED:
            starts.append(Start(item.occurred_at, Source.EVENT, item.scene, item))
        elif item.kind is EvidenceKind.LEFT:
            ends.append(End(item.occurred_at, Source.EVENT, item.scene, item))
    return _merged_starts(starts), _merged_ends(ends)


def in_time(stay: Stay) -> tuple[datetime, datetime]:
    return stay.left_at or END_OF_TIME, stay.joined_at or START_OF_TIME


def _merged_starts(starts: Iterable[Start]) -> list[Start]:
    found: dict[datetime, Start] = {}
    sureness = {Source.READ: 2, Source.EVENT: 1}
    for one in starts:
        other = found.get(one.at, one)
        better = max(other, one, key=lambda s: sureness.get(s.by, 0) if s.by else 0)
        scene = next((s.scene for s in (other, one) if s.scene is not None), None)
        found[one.at] = replace(better, scene=scene, told=other.told or one.told)
    return [found[at] for at in sorted(found)]


def _merged_ends(ends: Iterable[End]) -> list[End]:
    found: dict[datetime, End] = {}
    for one in ends:
        other = found.get(one.at, one)
        better = other if other.by is not Source.READ else one
        scene = next((s.scene for s in (other, one) if s.scene is not None), None)
        found[one.at] = replace(better, scene=scene, told=other.told or one.told)
    return [found[at] for at in sorted(found)]


def replay(starts: Sequence[Start], ends: Sequence[End]) -> list[Span]:
    """The stays that these points tell of, oldest first; at most the last one lasts.

    In one second, whoever is known to be there leaves first, and whoever is not comes first. Who was only found
    missing by then had left before anything else.
    """
    spans: list[Span] = []
    coming, going = list(starts), list(ends)
    while coming or going:
        inside = bool(spans) and spans[-1].end is None
        known = inside and spans[-1].start.by is not None
        if _goes_first(coming, going, known=known):
            _end(spans, going.pop(0), inside=inside)
        else:
            _start(spans, coming.pop(0), inside=inside)
    return spans


def _goes_first(coming: Sequence[Start], going: Sequence[End], *, known: bool) -> bool:
    if not coming or not going:
        return bool(going)
    if coming[0].at != going[0].at:
        return going[0].at < coming[0].at
    return known or going[0].by is Source.READ


def _start(spans: list[Span], start: Start, *, inside: bool) -> None:
    if not inside:
        spans.append(Span(start))
        return
    present = spans[-1].start
    scene = next((one.scene for one in (start, present) if one.scene is not None), None)
    if present.by is None or _is_same_start(present, start):
        better = start if start.by is Source.READ or present.by is None else present
        spans[-1] = Span(replace(better, scene=scene, told=present.told or start.told))
    elif start.by is not None:  # they left meanwhile, and no event said so (yet)
        spans[-1] = _closed(spans[-1], start.at, Source.READ)
        spans.append(Span(start))


def _is_same_start(present: Start, start: Start) -> bool:
    if present.by is start.by is Source.READ or start.at - present.at > SKEW:
        return False
    return _is_repeat(present.told, start.told)


def _end(spans: list[Span], end: End, *, inside: bool) -> None:
    if inside and (end.by is not Source.READ or _covers(end, spans[-1].start)):
        spans[-1] = Span(spans[-1].start, end)
        return
    if end.by is Source.READ:
        return
    last = spans[-1].end if spans else None
    if last is not None and end.at - last.at <= SKEW:
        if last.by is Source.READ:
            spans[-1] = Span(spans[-1].start, end)
            return
        if _is_repeat(last.told, end.told):
            return
    # They were there, though nobody told of their coming.
    spans.append(Span(Start(last.at if last else START_OF_TIME, None), end))


def _covers(end: End, start: Start) -> bool:
    """Whether a read that lacked somebody speaks of this stay: of a later one it may have been too early to know."""
    same = end.began_at is None or start.by is None or abs(end.began_at - start.at) <= SKEW
    return same or end.at - start.at >= LAG


def _is_repeat(one: Evidence | None, other: Evidence | None) -> bool:
    """Whether two events, near in time, say the same; unless their versions differ, they do."""
    if one is None or other is None or not one.version or not other.version:
        return True
    return (one.last_version, one.version) == (other.last_version, other.version)


def _closed(span: Span, at: datetime, by: Source) -> Span:
    return Span(span.start, End(max(at, span.start.at), by))


def _absent(sight: Sight, spans: list[Span]) -> list[Span] | Behind:
    if spans and spans[-1].end is None:
        told = spans[-1].start.told if spans[-1].start.by is Source.EVENT else None
        if told is not None and sight.may_lag(told):
            return Behind((told.since,))
        if sight.doubt is not None:
            return Behind((sight.doubt,))
        spans[-1] = _closed(spans[-1], sight.observed_at, Source.READ)
    return spans


def _present_since_unknown(sight: Sight, spans: list[Span]) -> list[Span] | Behind:
    last = spans[-1].end if spans else None
    if spans and last is None:
        return spans
    if last is not None:
        if last.told is not None and sight.may_lag(last.told):
            return Behind((last.told.since,))
        if last.by is Source.READ:
            return [*spans[:-1], Span(spans[-1].start)]
    return [*spans, Span(Start(last.at if last else START_OF_TIME, None))]


def _present(
    sight: Sight, joined_at: datetime, recorded: Sequence[Stay], starts: Sequence[Start], ends: Sequence[End]
) -> list[Span] | Behind:
    if _is_older(joined_at, recorded):
        return Behind()
    # Of one second: the end of an earlier stay came before this start, any other after it.
    spans = replay([one for one in starts if one.at < joined_at], [one for one in ends if one.at < joined_at])
    left_first = bool(spans) and spans[-1].end is None
    later: list[Start | End] = [one for one in starts if one.at > joined_at + SKEW]
    for end in (one for one in ends if one.at >= joined_at):
        if left_first and end.at == joined_at:
            spans[-1] = Span(spans[-1].start, end)
        elif end.by is not Source.READ:
            later.append(end)
    waits = tuple(one.told.since for one in later if one.told is not None and sight.may_lag(one.told))
    if waits:
        return Behind(waits)
    # Beyond the time that reads may be behind, the read is right: what speaks against it is left out.
    near = [one for one in starts if abs(one.at - joined_at) <= SKEW and one.told is not None]
    told = min(near, key=lambda one: abs(one.at - joined_at), default=Start(joined_at, None))
    _start(spans, replace(told, at=joined_at, by=Source.READ), inside=bool(spans) and spans[-1].end is None)
    return spans


def _is_older(joined_at: datetime, recorded: Sequence[Stay]) -> bool:
    """Whether later stays than the one that the read shows are recorded already: join times never go back."""
    later = [one for one in recorded if one.left_at is None or one.left_at > joined_at]
    if len(later) != 1:
        return len(later) > 1
    start, over = later[0].joined_at, later[0].left_at is not None
    if start is None or start <= joined_at:
        return False
    return later[0].joined_by is Source.READ or (over and start > joined_at + SKEW)
