"""Many customers given to friends of theirs at once (ASG-4): each is judged by itself.

WeCom knows nothing of it, so it takes effect with the decision, in one commit with the facts: those who are told of
hundreds hear of them together. Each contact is looked at afterwards: a friendship that has ended in WeCom, and not yet
here, makes the decision void then.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import Assignment, AssignmentFact, Decision, ReassignmentObstacle
from services.assignment.plan import AssignmentPlan, obstacle_to, plan_assignment
from services.assignment.store import load_assignments, load_decisions, record_assignments, record_decisions
from services.customers.model import CONTACT, Relation
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


@dataclass(frozen=True)
class Reassigned:
    """How each was judged, and the facts of those who have another associate now."""

    judged: Mapping[CustomerId, Judged]
    facts: tuple[AssignmentFact, ...]


def reassign_many(
    connection: Connection,
    tenant: Tenant,
    targets: Mapping[CustomerId, UserId],
    *,
    only_if: Callable[[CustomerId, Judged], bool] = lambda _id, _judged: True,
    by: str,
    caused_by: str,
    handed_over: Callable[[Collection[ExternalUserId]], Collection[str]],
    now: datetime,
) -> Reassigned:
    """Decide for all of whom a rule allows it, and ask for these to be looked at, behind what is more urgent.

    Left out of the answer: who is no contact of WeCom's (any more). `only_if`: what must hold besides. `handed_over`:
    those of some contacts with a handover: only the look can say what becomes of these.
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
    moving = set(handed_over([contacts[one] for one in granted]))
    plans = _plans(
        connection,
        tenant.id,
        {one: (contacts[one], recorded[contacts[one]].relations) for one in granted if contacts[one] not in moving},
        assignments,
        now=now,
    )
    record_assignments(connection, tenant.id, plans, now=now)
    return Reassigned(judged, tuple(fact for plan in plans.values() for fact in plan.facts))


def _plans(
    connection: Connection,
    tenant_id: TenantId,
    known: Mapping[CustomerId, tuple[ExternalUserId, Mapping[UserId, Relation]]],
    assignments: Mapping[CustomerId, Assignment],
    *,
    now: datetime,
) -> dict[CustomerId, AssignmentPlan]:
    """Where the decision is the only news; what else has come up is for the look."""
    decisions = load_decisions(connection, tenant_id, sorted(known))
    plans = {
        one: plan_assignment(
            relations, decisions[one], assignments[one], customer_id=one, external_userid=external_userid
        )
        for one, (external_userid, relations) in known.items()
    }
    return {one: plan for one, plan in plans.items() if [(c.why, c.at) for c in plan.changes] == [("operator", now)]}


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
