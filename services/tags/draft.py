"""What one plan of the catalogue rests on, and what it adds up to while it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from services.planning import Fact
from services.tags.model import Catalogue, Entry, Observed, Tag, TagGroup
from shared.ids import TagGroupId

SOONEST = timedelta(seconds=2)


@dataclass(frozen=True)
class Bounds:
    """How far reads are trusted: `lag` after a deletion they may still show what it was about.

    More than `share` (0 to 1) of what is known and more than `floor` missing at once, without events, waits for a
    person.
    """

    lag: timedelta = timedelta(minutes=10)
    share: float = 0.05
    floor: int = 20


E = TypeVar("E", bound=Entry)
K = TypeVar("K", bound=str)


@dataclass(frozen=True)
class CataloguePlan:
    """What to write; or nothing, and groups of which second looks must come first (`unconfirmed`).

    `withheld`: why deletions that nobody told of wait for a person; what they are about is marked as missing.
    """

    groups: tuple[TagGroup, ...] = ()
    tags: tuple[Tag, ...] = ()
    facts: tuple[Fact, ...] = ()
    unconfirmed: frozenset[TagGroupId] = frozenset()
    withheld: str | None = None
    look_again_at: datetime | None = None


@dataclass
class Draft:
    observed: Observed
    recorded: Catalogue
    deletions: Mapping[str, datetime]
    bounds: Bounds = Bounds()
    groups: list[TagGroup] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    unconfirmed: set[TagGroupId] = field(default_factory=set)
    look_again_at: datetime | None = None

    def plan(self, *, withheld: str | None = None) -> CataloguePlan:
        return CataloguePlan(
            tuple(self.groups),
            tuple(self.tags),
            tuple(self.facts),
            withheld=withheld,
            look_again_at=self.look_again_at,
        )

    def is_young(self, moment: datetime) -> bool:
        """Whether reads may still be behind what happened then."""
        return self.observed.observed_at - moment < self.bounds.lag

    def wait(self, since: datetime) -> None:
        """Look again when twice as much time has passed since then, at the end of the lag at the latest."""
        now = self.observed.observed_at
        self.look_again(max(now + SOONEST, min(now + (now - since), since + self.bounds.lag)))

    def look_again(self, at: datetime) -> None:
        self.look_again_at = at if self.look_again_at is None else min(self.look_again_at, at)

    def told(self, entry: Entry, *ids: str) -> datetime | None:
        """When an event called one of `ids` deleted; one from before the entry was (last) there says nothing of it."""
        times = [self.deletions[one] for one in ids if one in self.deletions]
        since = entry.shown_at.replace(microsecond=0)  # events know whole seconds
        return max((at for at in times if at >= since), default=None)

    @staticmethod
    def living(entries: Mapping[K, E]) -> dict[K, E]:
        return {one: entry for one, entry in entries.items() if entry.deleted_at is None}
