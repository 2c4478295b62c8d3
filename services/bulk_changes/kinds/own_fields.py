"""The retailer's own fields, set alike for everybody: level, gender, company, custom fields (CUS-8)."""

from sqlalchemy import Connection

from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BulkRefusedError, Obstacle, Outcome, OwnFieldsWanted, RowState, Why, Worked
from services.bulk_changes.plan import edited, restored
from services.fields.model import DOCUMENT, Use, ValuesRefusedError
from services.fields.plan import plan_values
from services.fields.store import load_fields
from services.persons.store import load_own, record_owns
from shared.tenants import Tenant

SETTABLE = frozenset({"gender", "level", "company", DOCUMENT})
"""Nobody means one name, birthday or note for many people."""


def check(connection: Connection, tenant: Tenant, wanted: OwnFieldsWanted) -> OwnFieldsWanted:
    """With custom fields as they are stored."""
    unknown = sorted(wanted.set.keys() - SETTABLE)
    if unknown:
        raise BulkRefusedError(f"{unknown[0]} is not set for many at once; these are: {', '.join(sorted(SETTABLE))}")
    custom = wanted.set.get(DOCUMENT)
    if not custom:
        return wanted
    fields = load_fields(connection, tenant.id)
    try:
        for use in Use:  # some may be in the pool, some not
            custom = plan_values(fields, {}, custom, use=use)
    except ValuesRefusedError as error:
        raise BulkRefusedError(str(error)) from None
    return wanted.model_copy(update={"set": {**wanted.set, DOCUMENT: custom}})


def obstacle(_wanted: OwnFieldsWanted) -> Obstacle | None:
    """Own fields are encrypted: who has them already turns out on the way."""
    return None


def apply(page: Page, wanted: OwnFieldsWanted) -> Worked:
    wanted = check(page.connection, page.tenant, wanted)  # a custom field may have gone meanwhile
    standing, outcomes = lock_standing(page)
    present = load_own(page.connection, page.tenant, standing)
    written = {}
    for one in standing:
        after, before = edited(present[one], wanted.set)
        if before:
            written[one] = after
            outcomes.append(Outcome(one, RowState.DONE, before=before))
        else:
            outcomes.append(Outcome(one, RowState.SAME))
    record_owns(page.connection, page.tenant, written, now=page.now)
    return Worked(tuple(outcomes))


def undo(page: Page, wanted: OwnFieldsWanted, before: Before) -> Worked:
    standing, outcomes = lock_standing(page)
    present = load_own(page.connection, page.tenant, standing)
    written = {}
    for one in standing:
        after, whole = restored(present[one], wanted.set, before.get(one, {}))
        changed = after != present[one]
        if changed:
            written[one] = after
        state = RowState.DONE if changed or whole else RowState.REFUSED
        outcomes.append(Outcome(one, state, None if whole else Why.CHANGED_SINCE))
    record_owns(page.connection, page.tenant, written, now=page.now)
    return Worked(tuple(outcomes))


KIND = Kind(check, obstacle, apply, undo, page=1000)
