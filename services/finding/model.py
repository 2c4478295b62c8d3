"""The filter language: groups of conditions joined by and/or, over fields of a customer (CUS-2, CUS-3). Values, no I/O.

    {"match": "all", "groups": [{"match": "any", "conditions": [{"field": "tag", "op": "any_of", "value": ["et1"]}]}]}

A filter is a value: it is parsed once, kept as it was given, and read by lists, segments, exports, rules and audiences.
No groups at all: everybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.finding.fields import Definition, FieldSpec, field_called
from services.finding.values import check
from services.local_tags.plan import shows
from shared.errors import TerminalError

MOST_GROUPS = 10
MOST_CONDITIONS = 10
Match = Literal["all", "any"]


class FilterError(TerminalError):
    """The filter cannot be read; `problems` are (JSON pointer into the filter, reason), in its order.

    `at`: where in what was asked the filter stands.
    """

    def __init__(self, problems: Sequence[tuple[str, str]], *, at: str = "/filter") -> None:
        self.problems, self.at = tuple(problems), at
        super().__init__("; ".join(f"{place}: {reason}" for place, reason in self.problems))


class ConditionIn(BaseModel):
    """`value`: as the field and the operator take it; none for `empty` and `not_empty`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: Annotated[str, Field(min_length=1, max_length=80)]
    op: Annotated[str, Field(min_length=1, max_length=20)]
    value: Any = None


class GroupIn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    match: Match = "all"
    conditions: Annotated[tuple[ConditionIn, ...], Field(min_length=1, max_length=MOST_CONDITIONS)]


class FilterIn(BaseModel):
    """The shape of a filter; what its conditions may say depends on their fields (`parse`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    match: Match = "all"
    groups: Annotated[tuple[GroupIn, ...], Field(max_length=MOST_GROUPS)] = ()


@dataclass(frozen=True)
class Condition:
    """`value`: checked, of the type that the operator takes (services/finding/values.py)."""

    spec: FieldSpec
    op: str
    value: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Group:
    match: Match
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Filter:
    match: Match = "all"
    groups: tuple[Group, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(one for group in self.groups for one in group.conditions)

    @property
    def touches(self) -> frozenset[str]:
        """Columns of the card, and other sources, whose change can change who is found."""
        return frozenset(column for one in self.conditions for column in one.spec.columns)

    @property
    def moves_with_time(self) -> bool:
        """Who is found changes by the mere passing of days."""
        return any(
            one.op in {"within", "not_within", "within_next"} or getattr(one.value, "days", None) is not None
            for one in self.conditions
        )


EVERYBODY = Filter()


def parse(given: object, own: Mapping[str, Definition]) -> Filter:
    """Read a filter from JSON values (or a FilterIn). `own`: the corp's custom fields by key.

    Raises:
        FilterError: every problem with its place.
    """
    shape = given if isinstance(given, FilterIn) else _shape(given)
    problems: list[tuple[str, str]] = []
    groups = []
    for g, group in enumerate(shape.groups):
        conditions = []
        for c, one in enumerate(group.conditions):
            place = f"/groups/{g}/conditions/{c}"
            spec = field_called(one.field, own)
            if spec is None:
                problems.append((f"{place}/field", "there is no such field"))
            elif one.op not in spec.ops:
                problems.append((f"{place}/op", f"{one.field} takes {', '.join(spec.ops)}"))
            else:
                value, wrong = check(spec, one.op, one.value)
                problems += [(f"{place}/value{at}", why) for at, why in wrong]
                conditions.append(Condition(spec, one.op, value))
        groups.append(Group(group.match, tuple(conditions)))
    if problems:
        raise FilterError(problems)
    return Filter(shape.match, tuple(groups))


def refuse_unseen(chosen: Filter, seen: frozenset[str] | None) -> None:
    """`seen`: the local tags that whoever asks sees, None: all. Others are to them as if there were none (TAG-4).

    Raises:
        FilterError
    """
    problems = [
        (f"/groups/{g}/conditions/{c}/value/{n}", "there is no such tag")
        for g, group in enumerate(chosen.groups)
        for c, one in enumerate(group.conditions)
        if one.spec.name == "tag"
        for n, tag in enumerate(one.value or ())
        if not shows(seen, tag)
    ]
    if problems:
        raise FilterError(problems)


def _shape(given: object) -> FilterIn:
    try:
        return FilterIn.model_validate(given)
    except ValidationError as error:
        raise FilterError(
            [("/" + "/".join(str(part) for part in one["loc"]), one["msg"]) for one in error.errors()]
        ) from None
