"""Whose edit it was: what our own pushes changed is nobody's edit in WeCom. Pure."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from services.customers.model import Notes, ObservedRelation, Recorded, RelationEdited
from services.customers.plan import ContactPlan
from services.intents.model import TAG, Intent, compared, shown
from shared.ids import UserId

TAGS = "corp_tag_ids"


def edited_by_others(plan: ContactPlan, recorded: Recorded, ours: Mapping[UserId, Set[str]]) -> ContactPlan:
    """The plan with only those edits as facts that others made; `ours`: fields of intents that we pushed."""
    facts = []
    for fact in plan.facts:
        if not isinstance(fact, RelationEdited) or fact.userid not in ours:
            facts.append(fact)
            continue
        before = recorded.relations[fact.userid].notes
        (after,) = (one.notes for one in plan.relations if one.userid == fact.userid)
        mine = ours[fact.userid]
        left = tuple(
            name for name in fact.changed if name not in mine and not (name == TAGS and _only(before, after, mine))
        )
        facts += [replace(fact, changed=left)] if left else []
    return replace(plan, facts=tuple(facts))


def came_true(plan: ContactPlan, intents: Sequence[Intent]) -> dict[UserId, set[str]]:
    """The fields that are now as an open intent of ours has written them."""
    after = {one.userid: ObservedRelation(one.userid, None, one.notes) for one in plan.relations}
    ours: dict[UserId, set[str]] = {}
    for one in intents:
        relation = after.get(one.userid)
        if one.pushes and relation is not None and shown(relation, one.field) == compared(one.desired):
            ours.setdefault(one.userid, set()).add(one.field)
    return ours


def _only(before: Notes, after: Notes, ours: Set[str]) -> bool:
    """Whether all tags that came or went are ours."""
    changed = set(before.corp_tag_ids or ()) ^ set(after.corp_tag_ids or ())
    return all(f"{TAG}{one}" in ours for one in changed)
