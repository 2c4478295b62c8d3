"""Deletes customers for good (CUS-8)."""

from sqlalchemy import Connection

from services.bulk_changes.kinds import Kind, Page, lock_standing
from services.bulk_changes.model import DeletionWanted, Obstacle, Outcome, RowState, Why, Worked
from services.erasing.model import CustomerErased
from services.erasing.store import erase
from shared.tenants import Tenant


def check(_connection: Connection, _tenant: Tenant, wanted: DeletionWanted) -> DeletionWanted:
    """Everybody can be deleted."""
    return wanted


def obstacle(_wanted: DeletionWanted) -> Obstacle | None:
    """No obstacle, but people should know of whom WeCom's contact stays."""
    return Obstacle(
        "case when exists (select from external_contact e where e.tenant_id = u.tenant_id and e.customer_id = u.id) "
        f"then '{Why.CONTACT_STAYS}' end"
    )


def apply(page: Page, _wanted: DeletionWanted) -> Worked:
    standing, outcomes = lock_standing(page)
    stays = erase(page.connection, page.tenant.id, standing, now=page.now)
    outcomes += [Outcome(one, RowState.DONE, Why.CONTACT_STAYS if stays[one] else None) for one in standing]
    facts = [CustomerErased(occurred_at=page.now, customer_id=one, contact_stays=stays[one]) for one in standing]
    return Worked(tuple(outcomes), tuple(facts))


KIND = Kind(check, obstacle, apply, None, page=1000)
