"""Which rules a change concerns, and what is told of what they find. Pure.

The cost of a change is that of the rules that read what changed, however many others there are: rules are looked up by
the columns of the card that their filters read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.cards.model import Refreshed
from services.finding.fields import SEGMENTS, WAITING, Kind
from services.finding.model import Filter
from services.local_tags.plan import facts_of
from services.planning import Fact
from services.rules.model import LineRule, Rule, TagNews, TagRule
from services.stages.model import CustomerStageChanged, Moved
from shared.ids import CustomerId

TOGETHER = 25
"""Tag rules that are asked in one statement, when they are asked of the same customers."""
_ELSEWHERE = frozenset({Kind.PART, Kind.IDENTITY, Kind.OUTLET, Kind.ASSOCIATE, Kind.ADDED, Kind.EVENT, Kind.ORDER})
"""Kinds of fields whose answer may change while no column of the card does."""

NEW = "created_at"
"""Changes once, when a card is made: a filter that finds everybody is asked about who is new."""


@dataclass(frozen=True)
class Round:
    """Rules that are asked of the same customers."""

    tags: tuple[TagRule, ...]
    lines: tuple[LineRule, ...]
    customer_ids: tuple[CustomerId, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (*self.tags, *self.lines)


@dataclass(frozen=True)
class Index:
    """Rules by what they read."""

    by_column: Mapping[str, tuple[Rule, ...]]
    rules: tuple[Rule, ...]

    def concerned(self, changes: Iterable[str]) -> set[Rule]:
        return {rule for column in changes for rule in self.by_column.get(column, ())}


def make_index(rules: Sequence[Rule]) -> Index:
    by_column: dict[str, list[Rule]] = {}
    for rule in rules:
        for column in sorted({column for one in rule.filters for column in one.touches or {NEW}}):
            by_column.setdefault(column, []).append(rule)
    return Index({column: tuple(found) for column, found in by_column.items()}, tuple(rules))


def plan_rounds(index: Index, refreshed: Sequence[Refreshed]) -> list[Round]:
    """What is asked of whom after these cards have changed; nothing where no rule reads what changed."""
    whom: dict[Rule, list[CustomerId]] = {}
    known: dict[frozenset[str], set[Rule]] = {}
    for one in refreshed:
        if one.changes not in known:
            known[one.changes] = index.concerned(one.changes)
        for rule in known[one.changes]:
            whom.setdefault(rule, []).append(one.customer_id)
    return rounds_of({rule: tuple(ids) for rule, ids in whom.items()})


def rounds_of(whom: Mapping[Rule, tuple[CustomerId, ...]]) -> list[Round]:
    """Rules that are asked of the same customers go together."""
    together: dict[tuple[CustomerId, ...], list[Rule]] = {}
    for rule in sorted(whom, key=lambda one: one.key):
        together.setdefault(whom[rule], []).append(rule)
    found = []
    for ids, rules in together.items():
        tags = [one for one in rules if isinstance(one, TagRule)]
        found += [Round(tuple(tags[n : n + TOGETHER]), (), ids) for n in range(0, len(tags), TOGETHER)]
        found += [Round((), (one,), ids) for one in rules if isinstance(one, LineRule)]
    return found


def needs_daily(rule: Rule) -> bool:
    """Whether time, or what no column of a card shows, may change whom it finds: it is run each day (T+1)."""
    return any(_moves(one) for one in rule.filters)


def _moves(given: Filter) -> bool:
    return given.moves_with_time or any(
        one.spec.kind in _ELSEWHERE or one.spec.columns & {SEGMENTS, WAITING} for one in given.conditions
    )


def tag_facts(news: Sequence[TagNews], *, at: datetime) -> list[Fact]:
    """What is told of one commit, as of tags that people give: of one customer, or by tag."""
    given, taken = (_by_tag(one for one in news if one.met is met) for met in (True, False))
    return facts_of(given, taken, at=at)


def _by_tag(news: Iterable[TagNews]) -> dict[int, list[CustomerId]]:
    found: dict[int, list[CustomerId]] = {}
    for one in sorted(news, key=lambda one: (one.tag_id, one.customer_id)):
        found.setdefault(one.tag_id, []).append(one.customer_id)
    return found


def stage_facts(moved: Sequence[Moved], *, by_rule: bool, at: datetime) -> list[Fact]:
    return [
        CustomerStageChanged(
            occurred_at=at,
            customer_id=one.customer_id,
            line_id=one.line_id,
            from_stage_id=one.from_stage_id,
            to_stage_id=one.to_stage_id,
            why="rule" if by_rule else "hand",
        )
        for one in moved
    ]
