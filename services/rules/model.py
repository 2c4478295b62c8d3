"""Values of rules. A rule is one thing that follows from filters: a tag, or the stage of a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.finding.model import Filter
from shared.errors import TerminalError
from shared.ids import CustomerId

Kind = Literal["tag", "line"]
MOST_RULES = 1000
"""Automatic tags of a corp."""


class RuleKey(NamedTuple):
    kind: Kind
    id: int


class NoRuleError(TerminalError):
    """There is no such rule."""


class RuleRefusedError(TerminalError):
    """The rule cannot be so; the text says why."""


@dataclass(frozen=True, eq=False)
class TagRule:
    """Who meets the filter has the tag, and nobody else (TAG-5)."""

    id: int
    tag_id: int
    filter: Filter

    @property
    def key(self) -> RuleKey:
        return RuleKey("tag", self.id)

    @property
    def filters(self) -> Sequence[Filter]:
        return (self.filter,)


@dataclass(frozen=True)
class AutomaticStage:
    id: int
    filter: Filter


@dataclass(frozen=True, eq=False)
class LineRule:
    """The automatic stages of a line, in its order: the last that somebody meets is theirs (STG-1)."""

    id: int
    stages: tuple[AutomaticStage, ...]

    @property
    def key(self) -> RuleKey:
        return RuleKey("line", self.id)

    @property
    def filters(self) -> Sequence[Filter]:
        return tuple(one.filter for one in self.stages)


Rule = TagRule | LineRule


@dataclass(frozen=True)
class TagNews:
    """Somebody who is to have a tag and does not, or has it and is not to."""

    customer_id: CustomerId
    tag_id: int
    rule_id: int
    met: bool
