"""How a corp's data key is changed: the steps, and one stored value made anew."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Seal = Callable[[bytes], bytes]
"""A stored value as the current key makes it; the same bytes when it did already."""

ANNOUNCED, SWITCHED, DONE = "announced", "switched", "done"
"""The new key only opens; it makes all new values; it has made all."""


@dataclass(frozen=True)
class Rotation:
    """`ready_at`: when every process has come to know of the last step. `table`, `cursor`: how far the walk has come.

    `walk_count`: values that the present walk has made anew; `changed_count`: all walks.
    """

    id: int
    number: int
    state: str
    ready_at: datetime
    table: str | None
    cursor: tuple[str, ...] | None
    walk_count: int
    changed_count: int
    unreadable_count: int
    started_by: str


def next_place(tables: tuple[str, ...], table: str | None) -> int:
    """Where a walk goes on; from its beginning when it has none, or its table is not known (any more)."""
    return tables.index(table) if table in tables else 0


def is_over(one: Rotation) -> bool:
    """At the end of a walk: the last one finds nothing to do, so that nothing written meanwhile is left."""
    return one.walk_count == 0


def resealed(stored: Any, seal: Seal) -> Any:
    """A JSON document whose texts are encrypted values in hex, each made anew."""
    if isinstance(stored, str):
        return seal(bytes.fromhex(stored)).hex()
    if isinstance(stored, list):
        return [resealed(one, seal) for one in stored]
    if isinstance(stored, dict):
        return {name: resealed(one, seal) for name, one in stored.items()}
    return stored
