"""Whose doing a change of the catalogue was: what our own pushes made is the doing of who wanted it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from services.catalogue.model import GONE, NAME, NEW, SORT, target_of, what_of
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


class Doing(NamedTuple):
    """Cause and what is named as the cause, as in facts."""

    cause: Cause
    caused_by: str | None


Credit = Mapping[tuple[str, str], Doing]
"""(what changed, id of the tag or group) -> who wanted it."""

KIND: Mapping[type[Fact], str] = {
    TagCreated: NEW,
    TagGroupCreated: NEW,
    TagRenamed: NAME,
    TagGroupRenamed: NAME,
    TagsReordered: SORT,
    TagGroupsReordered: SORT,
    TagDeleted: GONE,
    TagGroupDeleted: GONE,
}


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
    found: dict[tuple[str, str], Doing] = {}
    for intent in ours:
        end = ended.get(intent.id)
        if not intent.pushes or (end is not None and end.state is not IntentState.CONFIRMED):
            continue
        what = what_of(intent)
        id_ = (end.made_id if end else "") or intent.made_id if what == NEW else target_of(intent)
        around = [groups[id_]] if id_ in groups else [CORP] if what == SORT else []
        doing = _doing(intent)
        found |= {(what, one): doing for one in (id_, *around)}
        if what == GONE:  # with a group go its tags
            found |= {(GONE, tag_id): doing for tag_id, group_id in groups.items() if group_id == id_}
    return found


def _doing(intent: Intent) -> Doing:
    cause = CAUSES[intent.source]
    return Doing(cause, f"{cause}:{intent.author}")


def doing_of_end(settled: Settled) -> Doing:
    """A wish's end is told to whoever listens to its author's doings."""
    return _doing(settled.intent)


def doing_of(fact: Fact, credit: Credit, *, other: Doing) -> Doing:
    """`other`: of what nobody here wanted."""
    _, key = fact.subject
    return credit.get((KIND.get(type(fact), ""), key), other)


def doings_of_rows(credit: Credit) -> dict[str, Doing]:
    """Id of a tag or group -> who wanted what changed of it."""
    return {id_: doing for (what, id_), doing in credit.items()}
