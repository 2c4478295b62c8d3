"""What a read of all corp tags, what is recorded of them and the events about them amount to. Pure (TAG-2).

A full read shows what lives and nothing else. Absence is suspicious: what it lacks, and no event called deleted, is
looked at a second time (`unconfirmed`); and when very much is lacking, a person decides (`withheld`).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from services.planning import refuse_if_unsafe
from services.tags.absences import Gone, gone_groups, gone_tags
from services.tags.draft import Bounds, CataloguePlan, Draft
from services.tags.model import (
    Catalogue,
    Entry,
    Observed,
    ObservedGroup,
    ObservedTag,
    Tag,
    TagCreated,
    TagDeleted,
    TagGroup,
    TagGroupCreated,
    TagGroupDeleted,
    TagGroupRenamed,
    TagGroupsReordered,
    TagMoved,
    TagRenamed,
    TagsReordered,
)
from shared.ids import TagGroupId, TagId

BOUNDS = Bounds()
E = TypeVar("E", bound=Entry)
ShownTags = Mapping[TagId, tuple[TagGroupId, ObservedTag]]


def plan_catalogue(
    observed: Observed, recorded: Catalogue, deletions: Mapping[str, datetime], *, bounds: Bounds = BOUNDS
) -> CataloguePlan:
    """Decide what becomes of the catalogue; plan, apply, plan again writes nothing.

    `deletions`: id of a tag or group -> the time of the last event that called it deleted.
    """
    draft = Draft(observed, recorded, deletions, bounds)
    groups = _shown_groups(observed)
    tags = _shown_tags(groups)
    lost_tags = gone_tags(draft, groups, tags)
    lost_groups = gone_groups(draft, groups, lost_tags)
    if draft.unconfirmed:
        return CataloguePlan(unconfirmed=frozenset(draft.unconfirmed))
    _keep_groups(draft, groups)
    _keep_tags(draft, tags)
    withheld = _refusal(draft, [*lost_tags.values(), *lost_groups.values()])
    _drop(draft, lost_tags, lost_groups, withheld=withheld is not None)
    return draft.plan(withheld=withheld)


def plan_approved(recorded: Catalogue, ids: Collection[str], *, at: datetime) -> CataloguePlan:
    """The deletions of tags and groups that a person agreed to, as far as reads still lack them."""
    draft = Draft(Observed((), at), recorded, {})
    tags = {one: Gone(at) for one, tag in recorded.tags.items() if one in ids and tag.missing_at}
    groups = {one: Gone(at) for one, group in recorded.groups.items() if one in ids and group.missing_at}
    _drop(draft, tags, groups, withheld=False)
    return draft.plan()


def applied(before: Catalogue, plan: CataloguePlan) -> Catalogue:
    """What is recorded once a plan is written."""
    return Catalogue(
        {**before.groups, **{one.group_id: one for one in plan.groups}},
        {**before.tags, **{one.tag_id: one for one in plan.tags}},
    )


def _shown_groups(observed: Observed) -> dict[TagGroupId, ObservedGroup]:
    """What the reads show together; a second look is the later read, unless it says nothing at all."""
    groups: dict[TagGroupId, ObservedGroup] = {}
    for group in observed.groups:
        before = groups.get(group.group_id)
        if before is not None and group.tags is not None:  # a group in two pieces
            group = replace(before, tags=(*(before.tags or ()), *group.tags))  # noqa: PLW2901
        groups[group.group_id] = group
    for group_id, look in (observed.looks or {}).items():
        if look.group is not None:
            groups[group_id] = look.group
        elif look.refused or look.deleted:
            groups.pop(group_id, None)
    return groups


def _shown_tags(groups: Mapping[TagGroupId, ObservedGroup]) -> ShownTags:
    shown: dict[TagId, tuple[TagGroupId, ObservedTag]] = {}
    for group in groups.values():
        for tag in group.tags or ():
            shown.setdefault(tag.tag_id, (group.group_id, tag))
    return shown


def _keep_groups(draft: Draft, shown: Mapping[TagGroupId, ObservedGroup]) -> None:
    at, shuffled = draft.observed.observed_at, False
    for group_id, seen in sorted(shown.items()):
        before = draft.recorded.groups.get(group_id)
        if before is None:
            after = TagGroup(seen.name, seen.sort, seen.created_at, at, group_id=group_id)
            draft.facts.append(TagGroupCreated(occurred_at=seen.created_at or at, group_id=group_id))
        elif before.deleted_at is not None:
            after = _revived(draft, before, seen)
            if after.deleted_at is None:
                draft.facts.append(TagGroupCreated(occurred_at=at, group_id=group_id))
        else:
            after = _updated(draft, before, seen, group_id)
            shuffled |= _changed(before.sort, after.sort)
            if _changed(before.name, after.name):
                draft.facts.append(TagGroupRenamed(occurred_at=at, group_id=group_id))
        if after != before:
            draft.groups.append(after)
    if shuffled:
        draft.facts.append(TagGroupsReordered(occurred_at=at))


def _keep_tags(draft: Draft, shown: ShownTags) -> None:
    at, shuffled = draft.observed.observed_at, set()
    for tag_id, (group_id, seen) in sorted(shown.items()):
        before = draft.recorded.tags.get(tag_id)
        if before is None:
            after = Tag(seen.name, seen.sort, seen.created_at, at, tag_id=tag_id, group_id=group_id)
            draft.facts.append(TagCreated(occurred_at=seen.created_at or at, tag_id=tag_id, group_id=group_id))
        elif before.deleted_at is not None:
            after = _revived(draft, before, seen)
            if after.deleted_at is None:
                after = replace(after, group_id=group_id)
                draft.facts.append(TagCreated(occurred_at=at, tag_id=tag_id, group_id=group_id))
        else:
            after = replace(_updated(draft, before, seen, tag_id, group_id), group_id=group_id)
            if _changed(before.sort, after.sort):
                shuffled.add(group_id)
            if _changed(before.name, after.name):
                draft.facts.append(TagRenamed(occurred_at=at, tag_id=tag_id, group_id=group_id))
            if before.group_id != group_id:
                draft.facts.append(TagMoved(occurred_at=at, tag_id=tag_id, group_id=group_id))
        if after != before:
            draft.tags.append(after)
    draft.facts += [TagsReordered(occurred_at=at, group_id=one) for one in sorted(shuffled)]


def _changed(before: object, after: object) -> bool:
    """A first look at a value is no change."""
    return before is not None and before != after


def _revived(draft: Draft, before: E, seen: ObservedTag | ObservedGroup) -> E:
    """What was deleted is shown: by a read that is behind, or it came back."""
    assert before.deleted_at is not None
    if draft.is_young(before.deleted_at):
        draft.wait(before.deleted_at)
        return before
    back = replace(before, deleted_at=None, shown_at=draft.observed.observed_at)
    return _stated(back, seen)


def _updated(draft: Draft, before: E, seen: ObservedTag | ObservedGroup, *ids: str) -> E:
    told_at = draft.told(before, *ids)
    if told_at is not None and draft.is_young(told_at):  # the read may be behind the event that called it deleted
        draft.wait(told_at)
    return _stated(before, seen)


def _stated(before: E, seen: ObservedTag | ObservedGroup) -> E:
    """What the read does not state stays as it was."""
    return replace(
        before,
        name=before.name if seen.name is None else seen.name,
        sort=before.sort if seen.sort is None else seen.sort,
        created_at=seen.created_at or before.created_at,
        missing_at=None,
    )


def _refusal(draft: Draft, gone: Collection[Gone]) -> str | None:
    """Why a person must agree first; what an event called deleted is not in question."""
    doubtful = [one for one in gone if not one.evidenced]
    known = len(draft.living(draft.recorded.groups)) + len(draft.living(draft.recorded.tags))
    bounds = draft.bounds
    reason = refuse_if_unsafe(removals=len(doubtful), known=known, share=bounds.share, floor=bounds.floor)
    if reason is None and not draft.observed.groups:
        # Two empty answers may have one cause that is no deletion: a permission, a fault.
        silent = sum(one.silent for one in doubtful)
        reason = refuse_if_unsafe(removals=silent, known=known, share=0.0, floor=0)
    return reason


def _drop(draft: Draft, tags: Mapping[TagId, Gone], groups: Mapping[TagGroupId, Gone], *, withheld: bool) -> None:
    """Tombstones; what is withheld is marked as missing."""
    for tag_id, gone in sorted(tags.items()):
        tag = draft.recorded.tags[tag_id]
        if withheld and not gone.evidenced:
            if tag.missing_at is None:
                draft.tags.append(replace(tag, missing_at=gone.at))
            continue
        draft.tags.append(replace(tag, deleted_at=gone.at, missing_at=None))
        draft.facts.append(
            TagDeleted(occurred_at=gone.at, tag_id=tag_id, group_id=tag.group_id, evidenced=gone.evidenced)
        )
    for group_id, gone in sorted(groups.items()):
        group = draft.recorded.groups[group_id]
        if withheld and not gone.evidenced:
            if group.missing_at is None:
                draft.groups.append(replace(group, missing_at=gone.at))
            continue
        draft.groups.append(replace(group, deleted_at=gone.at, missing_at=None))
        draft.facts.append(TagGroupDeleted(occurred_at=gone.at, group_id=group_id, evidenced=gone.evidenced))
