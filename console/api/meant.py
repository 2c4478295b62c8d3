"""Whom a change is about: named customers, or those whom a filter finds, as many as one request may change."""

from console.api.acting import Work
from console.api.asked_rules import Meant
from console.api.problems import ProblemError
from console.desk import desk
from services.chosen import these
from services.finding.selection import Selection
from services.finding.store import select_found
from shared.db.engine import fetch_one

MOST_FOUND = 10_000
"""Customers of one request; more are a bulk change, which has progress and can be stopped."""


def chosen(work: Work, meant: Meant) -> Selection:
    """
    Raises:
        FilterError: what is wrong with the filter.
        ProblemError: it finds too many.
    """
    if meant.customer_ids is not None:
        return these(work.tenant.id, meant.customer_ids)
    region = desk().runtime.settings.phone_region
    found = select_found(work.connection, work.tenant, meant.filter, region=region, now=work.now)
    row = fetch_one(
        work.connection,
        f"select count(*) as n from (select from ({found.sql}) as chosen limit :most) as few",  # noqa: S608 - a selection
        most=MOST_FOUND + 1,
        **found.parameters,
    )
    if row is not None and row["n"] > MOST_FOUND:
        why = f"the filter finds more than {MOST_FOUND:,} customers; make a bulk change of it"
        raise ProblemError(409, "too-many", why, errors=[("/filter", why)])
    return found
