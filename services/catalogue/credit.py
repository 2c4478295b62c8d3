"""Whose doing a change of the catalogue was: what our own pushes made is the doing of who wanted it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.catalogue.model import GONE, NEW, target_of, what_of
from services.intents.model import CAUSES, Intent, IntentState, Settled
from services.planning import Cause, Fact
from services.tags.draft import CataloguePlan
from services.tags.model import (
    CORP,
    Catalogue,
    TagCreated,
    TagDeleted,
    TagGroupCreated,
    TagGroupDeleted,
    TagGroupRenamed,
    TagGroupsReordered,
    TagRenamed,
    TagsReordered,
)

ENDS = (TagDeleted, TagGroupDeleted)


class Doing(NamedTuple):
    """Cause and what is named as the cause, as in facts."""

    cause: Cause
    caused_by: str | None


@dataclass(frozen=True)
class Credit:
    """Who wanted what: by type and subject's key of a fact, and by the id of a row."""

    facts: Mapping[tuple[type[Fact], str], Doing]
    rows: Mapping[str, Doing]


def deleted_by_us(ours: Iterable[Intent], settled: Iterable[Settled], *, at: datetime) -> dict[str, datetime]:
    """Id of a tag or group -> when we had it deleted, or may have: that counts as told. `at`: of the latest read."""
    others = {one.intent.id for one in settled if one.state is not IntentState.CONFIRMED}
    gone = [one for one in ours if what_of(one) == GONE and one.pushes and one.id not in others]
    return {target_of(one): one.accepted_at or at for one in gone}


def credit_of(
    plan: CataloguePlan, recorded: Catalogue, *, ours: Iterable[Intent], settled: Iterable[Settled]
) -> Credit:
    """What of the plan is the doing of whom; `ours`: intents that were pushed, `settled`: those that ended now."""
    ended = {one.intent.id: one for one in settled}
    groups: dict[str, str] = {one.tag_id: one.group_id for one in (*recorded.tags.values(), *plan.tags)}
    made = {(type(fact), fact.subject[1]) for fact in plan.facts}
    facts: dict[tuple[type[Fact], str], Doing] = {}
    rows: dict[str, Doing] = {}
    for intent in ours:
        end = ended.get(intent.id)
        if not intent.pushes or (end is not None and end.state is not IntentState.CONFIRMED):
            continue
        what, doing = what_of(intent), _doing(intent)
        id_ = (end.made_id if end else "") or intent.made_id if what == NEW else target_of(intent)
        told = _facts_of(what, id_, groups)
        facts |= dict.fromkeys(told, doing)
        rows |= {id_: doing, **{key: doing for kind, key in told & made if kind in (TagGroupCreated, *ENDS)}}
    return Credit(facts, rows)


def _facts_of(what: str, id_: str, groups: Mapping[str, str]) -> set[tuple[type[Fact], str]]:
    """The facts that a wish may lead to; `groups`: tag -> its group."""
    group_id = groups.get(id_)
    match what:
        case "new":
            return {(TagCreated, id_), (TagGroupCreated, group_id or "")}
        case "name":
            return {(TagRenamed, id_), (TagGroupRenamed, id_)}
        case "sort":
            return {(TagsReordered, group_id) if group_id else (TagGroupsReordered, CORP)}
    inside = {(TagDeleted, tag_id) for tag_id, of in groups.items() if of == id_}
    return {(TagDeleted, id_), (TagGroupDeleted, group_id or id_), *inside}


def _doing(intent: Intent) -> Doing:
    cause = CAUSES[intent.source]
    return Doing(cause, f"{cause}:{intent.author}")


def doing_of_end(settled: Settled) -> Doing:
    """A wish's end is told to whoever listens to its author's doings."""
    return _doing(settled.intent)


def doing_of(fact: Fact, credit: Credit, *, other: Doing) -> Doing:
    """`other`: of what nobody here wanted."""
    return credit.facts.get((type(fact), fact.subject[1]), other)
