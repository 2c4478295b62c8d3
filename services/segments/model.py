"""Values of segments. Authority: ours; the members of a dynamic one are what its filter found at the last refresh.

A static one is what its filter found when it was made; without a filter, whom people and imports have put in.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from services.planning import Fact
from shared.errors import TerminalError

MOST_SEGMENTS = 1000


class Kind(StrEnum):
    DYNAMIC = "dynamic"
    STATIC = "static"


class State(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"


class NoSegmentError(TerminalError):
    """There is no such segment."""


class SegmentRefusedError(TerminalError):
    """The segment cannot be so; the text says why."""


@dataclass(frozen=True)
class Segment:
    """`wanted_at`: a refresh is wanted since then and has not been done. `refreshed_at` None: it has no members yet.
    `filter`: None of one that is filled by hand.
    """

    id: int
    name: str
    category: str | None
    kind: Kind
    filter: Any = field(repr=False)
    state: State
    member_count: int
    refreshed_at: datetime | None
    wanted_at: datetime | None
    problem: str | None
    created_at: datetime
    created_by: str

    @property
    def by_hand(self) -> bool:
        return self.kind is Kind.STATIC and self.filter is None


@dataclass(frozen=True, kw_only=True)
class SegmentRefreshed(Fact):
    """A segment's members are what its filter finds, or people have put in; so many came and went (SEG-1)."""

    TYPE: ClassVar[str] = "segment_refreshed"
    SUBJECT: ClassVar[tuple[str, str]] = ("segment", "segment_id")
    segment_id: int
    member_count: int
    joined_count: int
    left_count: int
