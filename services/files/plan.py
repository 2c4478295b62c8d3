"""Decides what a block of rows comes to, one row after the other, as if each had been upserted by itself. Pure.

Who somebody is follows `services/persons/plan.py`. An import joins nobody: ids that belong to two records are a problem
of the row, for a person to look at. What a row brings is unverified (CUS-12).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.files.model import OUTCOMES, Existing, Failure, Outcome, Problem, Row
from services.persons.model import EXTERNAL_USERID, Identity, Key
from services.persons.plan import Candidate, ContradictionError, Given, plan_match
from shared.ids import CustomerId

FIELDS = "fields"


@dataclass(frozen=True)
class Rules:
    """What holds for the whole import; `required`: keys of custom fields that a new pool customer must have."""

    existing: Existing = "update"
    make: bool = True
    pool: bool = True
    tag_ids: frozenset[int] = frozenset()
    source: str = "import"
    userid: str | None = None
    required: frozenset[str] = frozenset()
    corp_tag_ids: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Known:
    """A customer as recorded. `own` holds own fields; `pooled`: they have a pool record, or a friend here.

    `corp_tag_ids`: those that their associate's relation has, and those that wait for one.
    """

    candidate: Candidate
    own: Mapping[str, Any] = field(repr=False)
    tag_ids: frozenset[int] = frozenset()
    pooled: bool = True
    corp_tag_ids: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()


@dataclass
class Person:
    """A customer as the block leaves them."""

    customer_id: CustomerId
    made: bool
    identities: dict[Key, bool]
    own: dict[str, Any] = field(repr=False)
    before: Mapping[str, Any] = field(repr=False)
    held_tags: frozenset[int]
    pooled: bool
    held_corp_tags: frozenset[str] = frozenset()
    held_segments: frozenset[int] = frozenset()
    added: dict[Key, Identity] = field(default_factory=dict, repr=False)
    tags: set[int] = field(default_factory=set)
    corp_tags: set[str] = field(default_factory=set)
    segments: set[int] = field(default_factory=set)
    pool: tuple[str, str | None] | None = None

    @property
    def own_changed(self) -> bool:
        return self.own != self.before

    @property
    def changed(self) -> bool:
        given = self.tags or self.corp_tags or self.segments
        return self.made or self.own_changed or bool(self.added or given or self.pool)


@dataclass(frozen=True)
class BlockPlan:
    persons: tuple[Person, ...]
    failures: tuple[Failure, ...]
    counts: Mapping[Outcome, int]


def plan_block(
    rows: Sequence[Row | Failure], known: Iterable[Known], rules: Rules, *, new_ids: Iterator[CustomerId]
) -> BlockPlan:
    world = _World(known)
    counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    failures: list[Failure] = []
    for row in rows:
        found = row if isinstance(row, Failure) else _place(row, world, rules, new_ids)
        if isinstance(found, Failure):
            failures.append(found)
            counts["failed"] += 1
        else:
            counts[found] += 1
    touched = tuple(one for one in world.persons.values() if one.changed)
    return BlockPlan(touched, tuple(failures), counts)


class _World:
    """Who is known while the block is read, by their identities."""

    def __init__(self, known: Iterable[Known]) -> None:
        self.persons: dict[CustomerId, Person] = {}
        self._having: dict[Key, list[CustomerId]] = {}
        for one in known:
            theirs = one.candidate
            self.add(
                Person(
                    theirs.customer_id,
                    made=False,
                    identities=dict(theirs.identities),
                    own=dict(one.own),
                    before=one.own,
                    held_tags=one.tag_ids,
                    held_corp_tags=one.corp_tag_ids,
                    held_segments=one.segment_ids,
                    pooled=one.pooled,
                )
            )

    def add(self, person: Person) -> None:
        self.persons[person.customer_id] = person
        for key in person.identities:
            self._having.setdefault(key, []).append(person.customer_id)

    def give(self, person: Person, identity: Identity, key: Key) -> None:
        person.identities[key] = False
        person.added[key] = identity
        self._having.setdefault(key, []).append(person.customer_id)

    def candidates(self, keys: Iterable[Key]) -> list[Candidate]:
        ids = sorted({one for key in keys for one in self._having.get(key, ())})
        return [Candidate(one, self.persons[one].identities) for one in ids]


def _place(row: Row, world: _World, rules: Rules, new_ids: Iterator[CustomerId]) -> Outcome | Failure:
    candidates = world.candidates(row.keys)
    for key in row.keys:
        if key[0] == EXTERNAL_USERID and not any(key in one.identities for one in candidates):
            return Failure(row.number, (Problem("unknown_contact", EXTERNAL_USERID),))
    try:
        match = plan_match([Given(key) for key in row.keys], candidates)
    except ContradictionError:
        return Failure(row.number, (Problem("ambiguous"),))
    if match.joined:
        return Failure(row.number, (Problem("two_customers"),))
    if match.customer_id is None:
        return _make(row, world, rules, new_ids)
    person = world.persons[match.customer_id]
    if rules.existing == "skip":
        return "skipped"
    return "updated" if _apply(row, person, world, rules) else "unchanged"


def _make(row: Row, world: _World, rules: Rules, new_ids: Iterator[CustomerId]) -> Outcome | Failure:
    if not rules.make:
        return "skipped"
    if rules.pool and (missing := rules.required - set(row.own.get(FIELDS, {}))):
        return Failure(row.number, tuple(Problem("required", f"field:{one}") for one in sorted(missing)))
    person = Person(next(new_ids), made=True, identities={}, own={}, before={}, held_tags=frozenset(), pooled=False)
    world.add(person)
    _apply(row, person, world, rules)
    return "made"


def _apply(row: Row, person: Person, world: _World, rules: Rules) -> bool:
    """Whether the row says anything new of the person."""
    new_keys = [(one, key) for one, key in zip(row.identities, row.keys, strict=True) if key not in person.identities]
    for identity, key in new_keys:
        world.give(person, identity, key)
    own = _merged(person.own, row.own, rules.existing)
    own_changed = own != person.own
    person.own = own
    given = _give(row, person, rules)
    enters = rules.pool and not person.pooled
    if enters:
        person.pooled = True
        person.pool = (row.source or rules.source, row.userid or rules.userid)
    return bool(new_keys or own_changed or given or enters)


def _give(row: Row, person: Person, rules: Rules) -> bool:
    """Tags and segments that the person has not yet; whether there are any."""
    tags = (row.tag_ids | rules.tag_ids) - person.held_tags - person.tags
    corp_tags = (row.corp_tag_ids | rules.corp_tag_ids) - person.held_corp_tags - person.corp_tags
    segments = (row.segment_ids | rules.segment_ids) - person.held_segments - person.segments
    person.tags |= tags
    person.corp_tags |= corp_tags
    person.segments |= segments
    return bool(tags or corp_tags or segments)


def _merged(present: Mapping[str, Any], given: Mapping[str, Any], existing: Existing) -> dict[str, Any]:
    merged = {**given, **present} if existing == "fill" else {**present, **given}
    if FIELDS in present and FIELDS in given:
        fields = (given[FIELDS], present[FIELDS]) if existing == "fill" else (present[FIELDS], given[FIELDS])
        merged[FIELDS] = {**fields[0], **fields[1]}
    return merged
