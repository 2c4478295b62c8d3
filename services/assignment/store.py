"""Rows of assignment: the customer's present one, and the history."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.assignment.model import Assignment, AssignmentChange, Decision
from services.assignment.plan import AssignmentPlan
from shared.db.engine import as_json, fetch_all, run
from shared.ids import CustomerId, TenantId, UserId


def load_assignments(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Assignment]:
    """Locks the customers until the transaction ends, so that two plans for one never rest on each other's past."""
    rows = fetch_all(
        connection,
        "select id, assigned_userid, assigned_at from customer where tenant_id = :tenant_id and id = any(:ids) "
        "order by id for update",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["id"]): Assignment(row["assigned_userid"], row["assigned_at"]) for row in rows}


def load_decisions(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, list[Decision]]:
    rows = fetch_all(
        connection,
        "select customer_id, to_userid, at, by_whom from assignment_change "
        "where tenant_id = :tenant_id and customer_id = any(:ids) and why = 'operator' order by id",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    found: dict[CustomerId, list[Decision]] = {one: [] for one in customer_ids}
    for row in rows:
        found[CustomerId(row["customer_id"])].append(Decision(UserId(row["to_userid"]), row["at"], row["by_whom"]))
    return found


def record_assignments(
    connection: Connection, tenant_id: TenantId, plans: Mapping[CustomerId, AssignmentPlan], *, now: datetime
) -> None:
    written = {one: plan.assignment for one, plan in plans.items() if plan.assignment is not None}
    if written:
        run(
            connection,
            "update customer c set assigned_userid = r.userid, assigned_at = r.connected_at "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, userid text, connected_at timestamptz) "
            "where c.tenant_id = :tenant_id and c.id = r.id",
            tenant_id=tenant_id,
            rows=as_json(
                [{"id": one, "userid": a.userid, "connected_at": a.connected_at} for one, a in sorted(written.items())]
            ),
        )
    # An operator's change stands in the history since it was decided; its plan only carries it out.
    changes = {one: p.change for one, p in plans.items() if p.change and p.change.why != "operator"}
    record_changes(connection, tenant_id, changes, now=now)


def record_changes(
    connection: Connection, tenant_id: TenantId, changes: Mapping[CustomerId, AssignmentChange], *, now: datetime
) -> None:
    """Append to the history (ASG-9)."""
    if not changes:
        return
    run(
        connection,
        "insert into assignment_change (tenant_id, customer_id, from_userid, to_userid, why, at, by_whom, recorded_at) "
        "select :tenant_id, customer_id, from_userid, to_userid, why, at, by_whom, :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, from_userid text, to_userid text, "
        "why text, at timestamptz, by_whom text)",
        tenant_id=tenant_id,
        now=now,
        rows=as_json(
            [
                {
                    "customer_id": one,
                    "from_userid": change.from_userid,
                    "to_userid": change.to_userid,
                    "why": change.why,
                    "at": change.at,
                    "by_whom": change.by,
                }
                for one, change in sorted(changes.items())
            ]
        ),
    )
