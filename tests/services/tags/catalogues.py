"""Catalogues of corp tags for the tests of their rules."""

from services.tags.draft import CataloguePlan
from services.tags.model import Catalogue, ObservedGroup, ObservedTag, Tag, TagGroup
from shared.ids import TagGroupId, TagId
from tests.services.factories import at

EVERY = ()


def group(group_id: str, *, name: str | None = None, sort: int | None = None, deleted: float | None = None) -> TagGroup:
    """A recorded group, first shown at second 500."""
    gone = None if deleted is None else at(deleted)
    return TagGroup(name, sort, None, at(500), gone, group_id=TagGroupId(group_id))


def tag(
    tag_id: str, group_id: str, *, name: str | None = None, sort: int | None = None, deleted: float | None = None
) -> Tag:
    gone = None if deleted is None else at(deleted)
    return Tag(name, sort, None, at(500), gone, tag_id=TagId(tag_id), group_id=TagGroupId(group_id))


def recorded(*entries: TagGroup | Tag) -> Catalogue:
    return Catalogue(
        {one.group_id: one for one in entries if isinstance(one, TagGroup)},
        {one.tag_id: one for one in entries if isinstance(one, Tag)},
    )


def seen_tag(tag_id: str, name: str | None = None, sort: int | None = None) -> ObservedTag:
    return ObservedTag(TagId(tag_id), name, sort)


def seen_group(
    group_id: str,
    *listed: ObservedTag,
    name: str | None = None,
    sort: int | None = None,
    tags: tuple[ObservedTag, ...] | None = EVERY,
) -> ObservedGroup:
    """A group as a read shows it; `tags=None`: the read does not say which tags it has."""
    return ObservedGroup(TagGroupId(group_id), name, sort, None, listed or tags)


BIG = recorded(
    *(group(f"g{n}", name=f"group {n}") for n in range(4)),
    *(tag(f"g{n}t{m}", f"g{n}", name="old") for n in range(4) for m in range(30)),
)
"""Four groups of thirty tags."""


def facts_of(plan: CataloguePlan) -> list[tuple[str, str]]:
    """The facts as (type, key of the subject)."""
    return [(fact.TYPE, fact.subject[1]) for fact in plan.facts]
