"""Rows of assignment: the customer's present one, and the history."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import Assignment, Decision
from services.assignment.plan import AssignmentPlan
from shared.db.engine import as_json, fetch_all, run
from shared.ids import CustomerId, TenantId, UserId


def load_assignments(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Assignment]:
    """Locks the customers until the transaction ends, so that two plans for one never rest on each other's past.

    Who was merged into another one meanwhile is left out: their contact is the other's now.
    """
    rows = fetch_all(
        connection,
        "select id, assigned_userid, assigned_at, assignment_changed_at from customer "
        "where tenant_id = :tenant_id and id = any(:ids) and merged_into is null order by id for update",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {
        CustomerId(row["id"]): Assignment(row["assigned_userid"], row["assigned_at"], row["assignment_changed_at"])
        for row in rows
    }


def load_decisions(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, list[Decision]]:
    rows = fetch_all(
        connection,
        "select customer_id, to_userid, decided_at, by_whom from assignment_decision "
        "where tenant_id = :tenant_id and customer_id = any(:ids) order by id",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    found: dict[CustomerId, list[Decision]] = {one: [] for one in customer_ids}
    for row in rows:
        found[CustomerId(row["customer_id"])].append(
            Decision(UserId(row["to_userid"]), row["decided_at"], row["by_whom"])
        )
    return found


def record_decision(connection: Connection, tenant_id: TenantId, customer_id: CustomerId, decision: Decision) -> None:
    run(
        connection,
        "insert into assignment_decision (tenant_id, customer_id, to_userid, decided_at, by_whom) "
        "values (:tenant_id, :customer_id, :to_userid, :decided_at, :by_whom)",
        tenant_id=tenant_id,
        customer_id=customer_id,
        to_userid=decision.to_userid,
        decided_at=decision.decided_at,
        by_whom=decision.by,
    )


def record_decisions(connection: Connection, tenant_id: TenantId, decisions: Mapping[CustomerId, Decision]) -> None:
    """One for each of many customers."""
    rows = [{"customer_id": one, **decision.__dict__} for one, decision in sorted(decisions.items())]
    if rows:
        run(
            connection,
            "insert into assignment_decision (tenant_id, customer_id, to_userid, decided_at, by_whom) "
            'select :tenant_id, customer_id, to_userid, decided_at, "by" from jsonb_to_recordset(cast(:rows as jsonb)) '
            'as r(customer_id bigint, to_userid text, decided_at timestamptz, "by" text)',
            tenant_id=tenant_id,
            rows=as_json(rows),
        )


def record_assignments(
    connection: Connection, tenant_id: TenantId, plans: Mapping[CustomerId, AssignmentPlan], *, now: datetime
) -> None:
    """Write the present assignments, append their steps to the history (ASG-9), mark decisions that had no effect."""
    written = {one: plan.assignment for one, plan in plans.items() if plan.assignment is not None}
    if written:
        run(
            connection,
            "update customer c set assigned_userid = r.userid, assigned_at = r.connected_at, "
            "assignment_changed_at = r.changed_at, updated_at = greatest(c.updated_at, :now) "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, "
            "userid text, connected_at timestamptz, changed_at timestamptz) "
            "where c.tenant_id = :tenant_id and c.id = r.id",
            tenant_id=tenant_id,
            now=now,
            rows=as_json([{"id": one, **a.__dict__} for one, a in sorted(written.items())]),
        )
    changes = [
        {
            "customer_id": one,
            "from_userid": change.from_userid,
            "to_userid": change.to_userid,
            "why": change.why,
            "at": change.at,
            "by_whom": change.by,
            "transfer_id": change.transfer_id,
        }
        for one, plan in sorted(plans.items())
        for change in plan.changes
    ]
    if changes:
        run(
            connection,
            "insert into assignment_change (tenant_id, customer_id, from_userid, to_userid, why, at, by_whom, "
            "transfer_id, recorded_at) "
            "select :tenant_id, customer_id, from_userid, to_userid, why, at, by_whom, transfer_id, :now "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, from_userid text, to_userid text, "
            "why text, at timestamptz, by_whom text, transfer_id bigint)",
            tenant_id=tenant_id,
            now=now,
            rows=as_json(changes),
        )
    _mark_ignored(connection, tenant_id, plans)


def _mark_ignored(connection: Connection, tenant_id: TenantId, plans: Mapping[CustomerId, AssignmentPlan]) -> None:
    rows = [
        {"customer_id": one, "decided_at": decision.decided_at, "to_userid": decision.to_userid}
        for one, plan in sorted(plans.items())
        for decision in plan.ignored
    ]
    if rows:
        run(
            connection,
            "update assignment_decision d set ignored = true from jsonb_to_recordset(cast(:rows as jsonb)) as "
            "r(customer_id bigint, decided_at timestamptz, to_userid text) where d.tenant_id = :tenant_id "
            "and (d.customer_id, d.decided_at, d.to_userid) = (r.customer_id, r.decided_at, r.to_userid)",
            tenant_id=tenant_id,
            rows=as_json(rows),
        )
