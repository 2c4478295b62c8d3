"""Differences of members and departments. Pure."""

from services.associates.model import ASSOCIATE, OUTLET, RecordedAssociate, RecordedOutlet
from services.associates.outlets import OutletPlan
from services.associates.plan import AssociatePlan
from services.differences.model import Difference, Outlook, What, changes

PERSON = ("name", "main_department_id", "department_ids", "leader_in", "direct_leaders", "status")
STANDING = ("in_sight", "has_contact", "joined_at", "gone_at", "renamed_to")
PLACE = ("name", "parent_id", "sort", "leaders")
PRESENCE = ("in_sight", "added_at", "gone_at")


def associate_outlook(plan: AssociatePlan, recorded: RecordedAssociate | None) -> Outlook:
    after = plan.row
    if after is None:
        return Outlook(again_at=plan.look_again_at)
    found = (
        *changes(recorded and recorded.associate, after.associate, PERSON),
        *changes(recorded, after, STANDING),
    )
    what = What.NEW if recorded is None else What.CHANGED
    told = tuple(fact.TYPE for fact in plan.facts)
    one = Difference(ASSOCIATE, plan.userid, what, changes=found, facts=told)
    return Outlook((one,) if found or recorded is None else (), plan.look_again_at)


def outlet_outlook(plan: OutletPlan, recorded: RecordedOutlet | None) -> Outlook:
    after = plan.row
    if after is None:
        return Outlook(again_at=plan.look_again_at)
    found = (*changes(recorded and recorded.outlet, after.outlet, PLACE), *changes(recorded, after, PRESENCE))
    what = What.NEW if recorded is None else What.CHANGED
    told = tuple(fact.TYPE for fact in plan.facts)
    one = Difference(OUTLET, str(plan.department_id), what, changes=found, facts=told)
    return Outlook((one,) if found or recorded is None else (), plan.look_again_at)
