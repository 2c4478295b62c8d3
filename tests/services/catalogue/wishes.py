"""Wishes for the catalogue of tags, and reads of it, for the tests of their rules."""

from datetime import datetime

from services.catalogue.model import Asked, Delete, NewTag, Place, Rename
from services.intents.model import NOBODY, Intent, Value
from services.tags.model import Observed, ObservedGroup, ObservedTag
from shared.ids import TagGroupId, TagId
from tests.services.factories import at

GOLD, SILVER, LEVEL = "t1", "t2", "g1"


def wish(
    number: int,
    asked: Asked,
    *bases: Value,
    pushes: int = 0,
    accepted_at: datetime | None = None,
    made_id: str = "",
    group: str | None = None,
) -> Intent:
    """An open intent; `group`: it deletes a group, and its author knew of these tags."""
    desired: Value
    match asked:
        case NewTag():
            field, desired = f"new:n{number}", asked.written()
        case Rename():
            field, desired = f"name:{asked.id}", asked.name
        case Place():
            field, desired = f"sort:{asked.id}", asked.sort
        case Delete():
            field, desired = f"gone:{asked.id}", True if group is None else group
    return Intent(number, NOBODY, field, desired, frozenset(bases), at(0), pushes, accepted_at, made_id)


def read(*groups: ObservedGroup, second: float = 0) -> Observed:
    return Observed(groups, at(second))


def level(*tags: tuple[str, str | None, int], name: str | None = "等级", group_id: str = LEVEL) -> ObservedGroup:
    """A group with tags (id, name, place)."""
    listed = tuple(ObservedTag(TagId(one), called, sort) for one, called, sort in tags)
    return ObservedGroup(TagGroupId(group_id), name, 0, None, listed)


BOTH = level((GOLD, "金卡", 0), (SILVER, "银卡", 0))
