"""What a commit tells of when some of its facts undo others. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from services.notices.model import Notice
from services.notices.plan import vanished
from services.notices.timely import taken_back
from services.planning import Fact

Told = tuple[int, Notice]


Before = datetime | None
"""Of what holds since before then; None: since whenever."""


def gone_by(facts: Iterable[Fact]) -> dict[str, Before]:
    """Reasons that are no more because of these facts."""
    gone: dict[str, Before] = {}
    for fact in facts:
        for reason, before in _gone_by(fact).items():
            known = gone.get(reason, before)
            gone[reason] = None if before is None or known is None else max(known, before)
    return gone


def _gone_by(fact: Fact) -> dict[str, Before]:
    return {**vanished(fact), **taken_back(fact)}


def _holds_since(fact: Fact) -> datetime:
    """As shared/withdrawing.py has it of what waits: what it names as its beginning, else when it happened."""
    since = fact.payload().get("since")
    return fact.occurred_at if since is None else datetime.fromisoformat(str(since))


def last_word(facts: Sequence[Fact], called_for: Sequence[Told], *, untold: Collection[str]) -> list[Told]:
    """The notices that still stand when all of it has happened: (place of the fact, notice), in the order given.

    `called_for`: by the facts, as if each were alone. `untold`: reasons of earlier facts of which nobody was told yet.
    Whoever was not told of something is not told of its end either.
    """

    def when(place: int) -> tuple[datetime, int]:
        return facts[place].occurred_at, place

    by_place: dict[int, list[int]] = defaultdict(list)
    for number, (place, _) in enumerate(called_for):
        by_place[place].append(number)
    standing: set[int] = set()
    by_reason: dict[str, set[int]] = defaultdict(set)
    for place in sorted(range(len(facts)), key=when):
        unsaid = set()
        for reason, before in _gone_by(facts[place]).items():
            undone = {n for n in by_reason[reason] if before is None or _holds_since(facts[called_for[n][0]]) < before}
            if undone:
                unsaid.add(reason)
                standing -= undone
                by_reason[reason] -= undone
        for number in by_place[place]:
            notice = called_for[number][1]
            if notice.undoes in untold or notice.undoes in unsaid:
                continue
            standing.add(number)
            if notice.reason is not None:
                by_reason[notice.reason].add(number)
    return [called_for[number] for number in sorted(standing)]
