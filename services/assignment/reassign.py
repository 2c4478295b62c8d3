"""An operator gives a customer to another of their friends (ASG-4): at once, since WeCom knows nothing of it."""

from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import AssignmentChange, ReassignmentRefusedError
from services.assignment.plan import check_reassignment
from services.assignment.store import load_assignments, record_changes
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

    Raises:
        ReassignmentRefusedError: a rule forbids it; nothing was recorded.
    """
    recorded = load_recorded(connection, tenant, [external_userid])[external_userid]
    if recorded.customer_id is None:
        raise ReassignmentRefusedError(f"no customer {external_userid}")
    assigned = load_assignments(connection, tenant.id, [recorded.customer_id])[recorded.customer_id]
    check_reassignment(recorded.relations, assigned, to_userid)
    change = AssignmentChange(assigned.userid, to_userid, "operator", now, by)
    record_changes(connection, tenant.id, {recorded.customer_id: change}, now=now)
    wish = Wanted(Subject(tenant.id, CONTACT, external_userid), OPERATOR, "operator", f"operator:{by}")
    want(connection, [wish], now=now)
