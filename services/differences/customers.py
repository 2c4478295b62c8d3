"""Differences of contacts and their relations. Pure."""

from dataclasses import fields

from services.customers.model import CONTACT, Notes, Profile, Recorded, Relation
from services.customers.plan import ContactPlan
from services.differences.model import RELATION, Change, Difference, Outlook, What, changes, difference

PROFILE = tuple(one.name for one in fields(Profile))
NOTES = tuple(one.name for one in fields(Notes))
COURSE = ("state", "friendships", "half_at", "told")


def outlook(plan: ContactPlan, recorded: Recorded) -> Outlook:
    """What a plan would change. Relations that it wants a second look at are missing."""
    found: list[Difference | None] = []
    if plan.profile is not None:
        before = None if recorded.customer_id is None and not recorded.relations else recorded.profile or Profile()
        found.append(difference(CONTACT, plan.external_userid, before, plan.profile, PROFILE))
    found += [_relation(plan, recorded.relations.get(one.userid), one) for one in plan.relations]
    found += [
        Difference(RELATION, plan.external_userid, What.MISSING, part=userid) for userid in sorted(plan.unconfirmed)
    ]
    return Outlook(tuple(one for one in found if one is not None), plan.look_again_at)


def _relation(plan: ContactPlan, before: Relation | None, after: Relation) -> Difference:
    facts = tuple(fact.TYPE for fact in plan.facts if fact.userid == after.userid)
    found: tuple[Change, ...] = (
        *changes(before, after, COURSE),
        *changes(before and before.notes, after.notes, NOTES),
    )
    what = What.NEW if before is None else What.CHANGED
    return Difference(RELATION, plan.external_userid, what, after.userid, found, facts)
