"""What the reads of customers remember: walks that are snapshots, relations that lag behind, ids of other subjects."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.records import Pair

MOST_SNAPSHOTS = 16


@dataclass
class Snapshot:
    made_at: float
    pairs: list[Pair]


@dataclass
class CustomerBook:
    """`fading`: deleted, and still named by `get`. `coming`: told by an event, and not read yet.

    `foreign` is, for each subject, its id of a customer -> ours.
    """

    walks: int = 0
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    fading: set[Pair] = field(default_factory=set)
    coming: set[Pair] = field(default_factory=set)
    foreign: dict[str, dict[str, str]] = field(default_factory=dict)

    def keep(self, walk: str, snapshot: Snapshot) -> None:
        """The oldest of too many is forgotten; its cursor is invalid from then on."""
        while len(self.snapshots) >= MOST_SNAPSHOTS:
            del self.snapshots[next(iter(self.snapshots))]
        self.snapshots[walk] = snapshot

    def arrived(self, pair: Pair) -> Callable[[int], None]:
        return lambda _at: self.coming.discard(pair)

    def faded(self, pair: Pair) -> Callable[[int], None]:
        return lambda _at: self.fading.discard(pair)
