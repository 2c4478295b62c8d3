"""Values of stages. Authority: ours; WeCom knows none.

A customer is in one stage of a line at most. Stages of a line have an order; of several that rules call for, the last
wins.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId

MOST_LINES, MOST_STAGES = 50, 30
"""Of a corp; of a line."""
RULE = "rule:"
"""`by_whom` of what a rule did: rule:ID."""


class NoStageError(TerminalError):
    """There is no such stage or line."""


class StageRefusedError(TerminalError):
    """Lines cannot be so; the text says why."""


@dataclass(frozen=True)
class Stage:
    """`automatic`: who meets the filter enters by themselves, and leaves when they do not any more (STG-1)."""

    id: int
    line_id: int
    name: str
    position: int
    automatic: bool
    filter: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Line:
    id: int
    name: str
    position: int
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Moved:
    """Whose stage changed; None: in no stage of the line."""

    customer_id: CustomerId
    line_id: int
    from_stage_id: int | None
    to_stage_id: int | None


@dataclass(frozen=True, kw_only=True)
class CustomerStageChanged(Fact):
    """Somebody entered a stage, or left its line (`to_stage_id` null): by rule or by hand (STG-1)."""

    TYPE: ClassVar[str] = "customer_stage_changed"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    line_id: int
    from_stage_id: int | None
    to_stage_id: int | None
    why: Literal["rule", "hand"]
