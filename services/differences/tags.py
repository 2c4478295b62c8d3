"""Differences of the catalogue of corp tags. Pure."""

from services.differences.model import Difference, Outlook, What, difference
from services.planning import Fact
from services.tags.draft import CataloguePlan
from services.tags.model import Catalogue

GROUP = ("name", "sort", "created_at", "deleted_at", "missing_at")
TAG = ("group_id", *GROUP)


def outlook(plan: CataloguePlan, recorded: Catalogue) -> Outlook:
    """What a plan would change. Groups that it wants a second look at are missing, or something of them is."""
    found: list[Difference | None] = []
    for group in plan.groups:
        before = recorded.groups.get(group.group_id)
        told = _told(plan, "tag_group", group.group_id)
        found.append(difference("tag_group", group.group_id, before, group, GROUP, facts=told))
    for tag in plan.tags:
        told = _told(plan, "tag", tag.tag_id)
        found.append(difference("tag", tag.tag_id, recorded.tags.get(tag.tag_id), tag, TAG, facts=told))
    found += [Difference("tag_group", one, What.MISSING) for one in sorted(plan.unconfirmed)]
    return Outlook(tuple(one for one in found if one is not None), plan.look_again_at)


def _told(plan: CataloguePlan, kind: str, key: str) -> list[str]:
    facts: tuple[Fact, ...] = plan.facts
    return [fact.TYPE for fact in facts if fact.subject == (kind, key)]
