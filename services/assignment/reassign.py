"""An operator gives a customer to another of their friends (ASG-4): at once, since WeCom knows nothing of it."""

from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import Decision, ReassignmentRefusedError
from services.assignment.plan import check_reassignment
from services.assignment.store import load_assignments, record_decision
from services.customers.model import CONTACT
from services.customers.store import load_recorded
from shared.ids import ExternalUserId, UserId
from shared.requests import OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant


def reassign(
    connection: Connection,
    tenant: Tenant,
    external_userid: ExternalUserId,
    to_userid: UserId,
    *,
    by: str,
    now: datetime,
) -> None:
    """Record the decision, and ask for the customer to be looked at: the planner then makes it so and tells both.

    A friendship that has ended in WeCom, and not yet here, makes the decision void: it is then marked as ignored.

    Raises:
        ReassignmentRefusedError: a rule forbids it; the caller rolls back.
    """
    # The request first: a worker locks it before the customer, and so do we.
    wish = Wanted(Subject(tenant.id, CONTACT, external_userid), OPERATOR, "operator", f"operator:{by}")
    want(connection, [wish], now=now)
    recorded = load_recorded(connection, tenant, [external_userid])[external_userid]
    if recorded.customer_id is None:
        raise ReassignmentRefusedError(f"no customer {external_userid}")
    assigned = load_assignments(connection, tenant.id, [recorded.customer_id]).get(recorded.customer_id)
    if assigned is None:
        raise ReassignmentRefusedError("this customer is being merged with another one just now: ask again")
    check_reassignment(recorded.relations, assigned, to_userid)
    record_decision(connection, tenant.id, recorded.customer_id, Decision(to_userid, now, by))
