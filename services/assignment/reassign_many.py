"""Many customers given to friends of theirs at once (ASG-4): each is judged by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import Decision, ReassignmentObstacle
from services.assignment.plan import obstacle_to
from services.assignment.store import load_assignments, record_decisions
from services.customers.model import CONTACT
from services.customers.store import load_recorded
from shared.db.engine import fetch_all
from shared.ids import CustomerId, ExternalUserId, TenantId, UserId
from shared.requests import BACKFILL, Subject, Wanted, lock, want
from shared.tenants import Tenant


@dataclass(frozen=True)
class Judged:
    """`assigned`: who has the customer by the last decision, else by the record. `decided_at`: of that decision."""

    assigned: UserId | None
    decided_at: datetime | None
    obstacle: ReassignmentObstacle | None


def reassign_many(
    connection: Connection,
    tenant: Tenant,
    targets: Mapping[CustomerId, UserId],
    *,
    only_if: Callable[[CustomerId, Judged], bool] = lambda _id, _judged: True,
    by: str,
    caused_by: str,
    now: datetime,
) -> dict[CustomerId, Judged]:
    """Decide for all of whom a rule allows it, and ask for these to be looked at, behind what is more urgent.

    Left out of the answer: who is no contact of WeCom's (any more). `only_if`: what must hold besides.
    """
    contacts = _contacts(connection, tenant.id, list(targets))
    lock(connection, [Subject(tenant.id, CONTACT, one) for one in contacts.values()])
    recorded = load_recorded(connection, tenant, sorted(contacts.values()))
    assignments = load_assignments(connection, tenant.id, sorted(contacts))
    decisions = _last_decisions(connection, tenant.id, sorted(contacts))
    judged: dict[CustomerId, Judged] = {}
    for one, assignment in assignments.items():
        last = decisions.get(one)
        newer = last is not None and (assignment.changed_at is None or last.decided_at > assignment.changed_at)
        assigned = last.to_userid if last is not None and newer else assignment.userid
        judged[one] = Judged(
            assigned,
            last.decided_at if last else None,
            obstacle_to(recorded[contacts[one]].relations, assigned, targets[one]),
        )
    granted = {
        one: Decision(targets[one], now, by)
        for one, judgement in judged.items()
        if judgement.obstacle is None and only_if(one, judgement)
    }
    record_decisions(connection, tenant.id, granted)
    wishes = [Wanted(Subject(tenant.id, CONTACT, contacts[one]), BACKFILL, "operator", caused_by) for one in granted]
    want(connection, wishes, now=now)
    return judged


def _last_decisions(
    connection: Connection, tenant_id: TenantId, customer_ids: list[CustomerId]
) -> dict[CustomerId, Decision]:
    """The last of each, those apart that had no effect."""
    rows = fetch_all(
        connection,
        "select distinct on (customer_id) customer_id, to_userid, decided_at, by_whom from assignment_decision "
        "where tenant_id = :tenant_id and customer_id = any(:ids) and not ignored order by customer_id, id desc",
        tenant_id=tenant_id,
        ids=customer_ids,
    )
    return {
        CustomerId(row["customer_id"]): Decision(UserId(row["to_userid"]), row["decided_at"], row["by_whom"])
        for row in rows
    }


def _contacts(
    connection: Connection, tenant_id: TenantId, customer_ids: list[CustomerId]
) -> dict[CustomerId, ExternalUserId]:
    rows = fetch_all(
        connection,
        "select customer_id, min(external_userid) as id from external_contact where tenant_id = :tenant_id "
        "and customer_id = any(:ids) group by customer_id",
        tenant_id=tenant_id,
        ids=customer_ids,
    )
    return {CustomerId(row["customer_id"]): ExternalUserId(row["id"]) for row in rows}
