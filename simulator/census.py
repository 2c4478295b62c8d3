"""How many relations a corp has in each state, without walking a million of them for every look."""

import time
from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

from simulator.records import Corp, PairState
from simulator.world import World

# So many relations are counted anew each time; beyond it a count serves for a while, if not much was added since.
EXACT_UP_TO = 20_000
SERVES_S = 15.0
MUCH = 0.01
STATE = attrgetter("state")


@dataclass
class Census:
    """The last count; `at` is real time."""

    states: Counter[str] = field(default_factory=Counter)
    at: float = 0.0


def relations(world: World, corp: Corp) -> dict[str, int]:
    """state -> how many. The lock is let go between members, so that a count does not stop the API."""
    census = corp.book(Census)
    with world.lock:
        members = list(corp.members.values())
    total = sum(len(member.pairs) for member in members)
    grown = abs(total - sum(census.states.values())) > total * MUCH
    if total > EXACT_UP_TO and not grown and time.monotonic() - census.at < SERVES_S:
        return dict(census.states)
    states: Counter[PairState] = Counter()
    for member in members:
        with world.lock:
            states.update(map(STATE, member.pairs.values()))
    census.states = Counter({state.value: count for state, count in states.items()})
    census.at = time.monotonic()
    return dict(census.states)
