"""Decides who sees which local tags, and what a change of tags means. Pure (TAG-1, TAG-3, TAG-4).

`usable` is the one place that knows who may see a group: lists, choices of filters and edits start from what it leaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.local_tags.model import (
    MOST_GROUPS,
    MOST_TAGS,
    CustomerTagged,
    Group,
    Kind,
    LocalTagGiven,
    LocalTagTaken,
    NoTagError,
    Tag,
    Tagging,
    TagRefusedError,
    Viewer,
    local_id,
)
from services.planning import Fact
from shared.ids import CustomerId
from shared.names import plain

BY_RULE_ONLY = "is an automatic tag: rules give and take it, nobody does by hand; change the rule instead"
FOLDED_FROM = 2
"""So many customers changed together are told of by tag, not one by one."""


def usable(groups: Iterable[Group], viewer: Viewer) -> list[Group]:
    """The groups that somebody sees and may use (TAG-4)."""
    return [one for one in groups if viewer.userid is None or one.visible_to is None or viewer.userid in one.visible_to]


def find_group(groups: Iterable[Group], group_id: int) -> Group:
    """
    Raises:
        NoTagError
    """
    found = next((one for one in groups if one.id == group_id), None)
    if found is None:
        raise NoTagError("there is no such group of local tags")
    return found


def find_tag(groups: Iterable[Group], tag_id: int) -> Tag:
    """
    Raises:
        NoTagError
    """
    found = next((tag for one in groups for tag in one.tags if tag.id == tag_id), None)
    if found is None:
        raise NoTagError("there is no such local tag")
    return found


def local_of(tag: str) -> int:
    """The number of a local tag as it stands beside corp tags.

    Raises:
        NoTagError
    """
    found = local_id(tag)
    if found is None:
        raise NoTagError("there is no such local tag: they are named local:ID")
    return found


def plan_tagging(
    groups: Sequence[Group],
    *,
    add: Iterable[int] = (),
    remove: Iterable[int] = (),
    only: Mapping[int, Iterable[int]] | None = None,
    by_rule: bool = False,
) -> Tagging:
    """What is given and taken. `groups`: those that who asks may use. `only`: group -> the tags of it that are to stay.

    By hand, and in `only`, automatic tags are left alone; a rule may give and take both kinds.

    Raises:
        NoTagError, TagRefusedError
    """
    give, take = set(add), set(remove)
    for group_id, wanted in (only or {}).items():
        group, kept = find_group(groups, group_id), set(wanted)
        if not kept <= {tag.id for tag in group.tags}:
            raise TagRefusedError("a tag that is to be the group's only one is in another group")
        give |= kept
        take |= {tag.id for tag in group.tags if tag.kind is Kind.MANUAL} - kept
    if give & take:
        raise TagRefusedError("a tag cannot be added and removed at once")
    for tag in (find_tag(groups, one) for one in sorted(give | take)):
        if tag.kind is Kind.AUTOMATIC and not by_rule:
            raise TagRefusedError(f"{tag.key} {BY_RULE_ONLY}")
    return Tagging(tuple(sorted(give)), tuple(sorted(take)))


def refuse_name(name: str, others: Iterable[Group | Tag]) -> None:
    """
    Raises:
        TagRefusedError: another one has this name, width and case aside.
    """
    if any(plain(one.name) == plain(name) for one in others):
        raise TagRefusedError("another one has this name already")


def refuse_too_many(groups: Sequence[Group], *, more_groups: int = 0, more_tags: int = 0) -> None:
    """
    Raises:
        TagRefusedError
    """
    tags = sum(len(one.tags) for one in groups)
    if (more_groups and len(groups) + more_groups > MOST_GROUPS) or (more_tags and tags + more_tags > MOST_TAGS):
        raise TagRefusedError(f"there are {MOST_GROUPS} groups and {MOST_TAGS} local tags at most")


def plan_group_order(groups: Sequence[Group], visible: Sequence[Group], ids: Sequence[int]) -> list[Group]:
    """Those named come first, in this order; the others, hidden ones among them, follow in theirs.

    Raises:
        NoTagError, TagRefusedError
    """
    first = [find_group(visible, one) for one in _once(ids)]
    rest = [one for one in groups if one.id not in ids]
    return [replace(one, position=n) for n, one in enumerate([*first, *rest], start=1)]


def plan_tag_order(group: Group, ids: Sequence[int]) -> list[Tag]:
    """Likewise for the tags of a group.

    Raises:
        NoTagError, TagRefusedError
    """
    first = [find_tag([group], one) for one in _once(ids)]
    rest = [one for one in group.tags if one.id not in ids]
    return [replace(one, position=n) for n, one in enumerate([*first, *rest], start=1)]


def _once(ids: Sequence[int]) -> Sequence[int]:
    if len(set(ids)) < len(ids):
        raise TagRefusedError("name each one once")
    return ids


def facts_of(
    given: Mapping[int, Sequence[CustomerId]], taken: Mapping[int, Sequence[CustomerId]], *, at: datetime
) -> list[Fact]:
    """What is told of one commit: tag -> who got or lost it. One customer is told of by themselves, many by tag."""
    touched = {one for ids in (*given.values(), *taken.values()) for one in ids}
    if len(touched) < FOLDED_FROM:
        added, removed = (tuple(sorted(tag for tag, ids in some.items() if ids)) for some in (given, taken))
        return [
            CustomerTagged(occurred_at=at, customer_id=one, added_tag_ids=added, removed_tag_ids=removed)
            for one in touched
        ]
    return [
        *(LocalTagTaken(occurred_at=at, tag_id=tag, customer_ids=tuple(ids)) for tag, ids in taken.items() if ids),
        *(LocalTagGiven(occurred_at=at, tag_id=tag, customer_ids=tuple(ids)) for tag, ids in given.items() if ids),
    ]
