"""Removals too many to believe: kept as a plan with a checksum, until a person approves exactly that plan.

One plan per corp and resource waits at a time, also while an approved one is applied. A later complete pass that finds
the same removals keeps the plan and its checksum; one that finds others, or none, supersedes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.sync_runs import Run

CHUNK = 1000


class NoSuchPlanError(Exception):
    """No open plan has this checksum; the text says what there is."""


@dataclass(frozen=True)
class Operation:
    """One removal: of a subject (contact, chat, tag ...) or of its relation with `userid`. `details`: ids and codes."""

    subject_key: str
    action: str
    userid: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


def open_plan(connection: Connection, held: Run, *, resource: str, reason: str, now: datetime) -> int:
    """A new plan of the run, still without operations; `seal` ends it."""
    row = fetch_one(
        connection,
        "insert into removal_plan (tenant_id, resource, checksum, reason, counts, run_id, state, made_at) "
        "values (:tenant_id, :resource, '', :reason, '{}', :run_id, 'superseded', :now) returning id",
        tenant_id=held.tenant_id,
        resource=resource,
        reason=reason,
        run_id=held.id,
        now=now,
    )
    assert row is not None
    return int(row["id"])


def add_operations(connection: Connection, tenant_id: TenantId, plan_id: int, operations: Iterable[Operation]) -> None:
    remaining, number = iter(operations), 0
    while chunk := list(islice(remaining, CHUNK)):
        run(
            connection,
            "insert into removal_operation (tenant_id, plan_id, number, subject_key, userid, action, details) "
            "select :tenant_id, :plan_id, number, subject_key, userid, action, details "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(number bigint, subject_key text, userid text, "
            "action text, details jsonb)",
            tenant_id=tenant_id,
            plan_id=plan_id,
            rows=as_json([{"number": number + n, **one.__dict__} for n, one in enumerate(chunk)]),
        )
        number += len(chunk)


def seal(connection: Connection, held: Run, plan_id: int, *, resource: str, now: datetime) -> str:
    """Give the plan its checksum and make it the one that waits; the checksum of that.

    The same as an open one keeps that, and so does what a pass finds that has not seen all of the resource.
    """
    if _sees_a_part(connection, held) and (waiting := _waiting(connection, held.tenant_id, resource)) is not None:
        return waiting
    row = fetch_one(
        connection,
        "select left(encode(sha256(convert_to(coalesce(string_agg(subject_key || '|' || userid || '|' "
        "|| action, E'\\n' order by subject_key, userid, action), ''), 'UTF8')), 'hex'), 12) as checksum "
        "from removal_operation where tenant_id = :tenant_id and plan_id = :plan_id",
        tenant_id=held.tenant_id,
        plan_id=plan_id,
    )
    assert row is not None
    checksum = str(row["checksum"])
    same = fetch_one(
        connection,
        "select id from removal_plan where tenant_id = :tenant_id and resource = :resource and checksum = :checksum "
        "and state in ('refused', 'approved') for update",
        tenant_id=held.tenant_id,
        resource=resource,
        checksum=checksum,
    )
    if same is not None:
        return checksum
    _supersede(connection, held.tenant_id, resource=resource, now=now)
    run(
        connection,
        "update removal_plan set state = 'refused', checksum = :checksum, counts = (select jsonb_object_agg(action, n) "
        "from (select action, count(*) as n from removal_operation where tenant_id = :tenant_id and plan_id = :id "
        "group by action) c) where tenant_id = :tenant_id and id = :id",
        tenant_id=held.tenant_id,
        id=plan_id,
        checksum=checksum,
    )
    return checksum


def _supersede(connection: Connection, tenant_id: TenantId, *, resource: str, now: datetime) -> int:
    return run(
        connection,
        "update removal_plan set state = 'superseded', decided_at = :now where tenant_id = :tenant_id "
        "and resource = :resource and state = 'refused'",
        tenant_id=tenant_id,
        resource=resource,
        now=now,
    )


def _sees_a_part(connection: Connection, held: Run) -> bool:
    row = fetch_one(
        connection,
        "select scope is not null or incomplete <> '[]' as part from sync_run "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=held.tenant_id,
        id=held.id,
    )
    return row is not None and bool(row["part"])


def _waiting(connection: Connection, tenant_id: TenantId, resource: str) -> str | None:
    row = fetch_one(
        connection,
        "select checksum from removal_plan where tenant_id = :tenant_id and resource = :resource "
        "and state = 'refused' for update",
        tenant_id=tenant_id,
        resource=resource,
    )
    return str(row["checksum"]) if row else None


def refuse(
    connection: Connection, held: Run, *, resource: str, operations: Iterable[Operation], reason: str, now: datetime
) -> str:
    """Keep these removals for a person instead of doing them; the plan's checksum."""
    plan_id = open_plan(connection, held, resource=resource, reason=reason, now=now)
    add_operations(connection, held.tenant_id, plan_id, operations)
    return seal(connection, held, plan_id, resource=resource, now=now)


def withdraw(connection: Connection, held: Run, *, resource: str, now: datetime) -> int:
    """What an earlier pass wanted to remove does not hold any more; the number of plans withdrawn.

    None, when the run has seen a part of the resource only.
    """
    if _sees_a_part(connection, held):
        return 0
    return _supersede(connection, held.tenant_id, resource=resource, now=now)


def approve(connection: Connection, tenant_id: TenantId, checksum: str, *, by: str, now: datetime) -> int:
    """Approve a refused plan; a run of kind `approval` applies it. The plan's id.

    Raises:
        NoSuchPlanError: none that waits has this checksum.
    """
    row = fetch_one(
        connection,
        "update removal_plan set state = 'approved', decided_at = :now, decided_by = :by "
        "where tenant_id = :tenant_id and checksum = :checksum and state = 'refused' returning id, resource",
        tenant_id=tenant_id,
        checksum=checksum,
        by=by,
        now=now,
    )
    if row is None:
        waiting = ", ".join(one["checksum"] for one in list_plans(connection, tenant_id) if one["state"] == "refused")
        raise NoSuchPlanError(f"no plan {checksum} waits for approval; waiting: {waiting or 'none'}")
    run(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, scope, asked_by, started_at, next_try_at) "
        "values (:tenant_id, 'approval', :resource, 'walking', cast(:scope as text[]), :by, :now, :now)",
        tenant_id=tenant_id,
        resource=row["resource"],
        scope=[f"plan:{row['id']}"],
        by=by,
        now=now,
    )
    return int(row["id"])


def reopen(connection: Connection, held: Run) -> None:
    """The run that was to apply a plan is given up: the plan waits for a person again, unless a later one does."""
    run(
        connection,
        "update removal_plan p set state = case when exists (select from removal_plan w "
        "where w.tenant_id = p.tenant_id and w.resource = p.resource and w.state = 'refused') "
        "then 'superseded' else 'refused' end "
        "where tenant_id = :tenant_id and id = :id and state = 'approved'",
        tenant_id=held.tenant_id,
        id=plan_of(held),
    )


def plan_of(held: Run) -> int:
    """The plan that a run of kind `approval` applies."""
    assert held.scope is not None
    return int(held.scope[0].removeprefix("plan:"))


def operations_of(
    connection: Connection, tenant_id: TenantId, plan_id: int, *, after: int = -1, limit: int = CHUNK
) -> list[tuple[int, Operation]]:
    """The next operations in their order, each with its number."""
    rows = fetch_all(
        connection,
        "select number, subject_key, userid, action, details from removal_operation where tenant_id = :tenant_id "
        "and plan_id = :plan_id and number > :after order by number limit :limit",
        tenant_id=tenant_id,
        plan_id=plan_id,
        after=after,
        limit=limit,
    )
    return [(r["number"], Operation(r["subject_key"], r["action"], r["userid"], r["details"])) for r in rows]


def close_plan(connection: Connection, tenant_id: TenantId, plan_id: int, *, skipped: int, now: datetime) -> None:
    """The plan is applied, but for `skipped` operations that did not hold any more."""
    run(
        connection,
        "update removal_plan set state = 'applied', applied_at = :now, skipped = :skipped "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=plan_id,
        skipped=skipped,
        now=now,
    )


def list_plans(connection: Connection, tenant_id: TenantId) -> Sequence[Row]:
    """Newest first: id, resource, checksum, reason, counts, state, made_at, decided_at and _by, applied_at, skipped."""
    return fetch_all(
        connection,
        "select id, resource, checksum, reason, counts, state, made_at, decided_at, decided_by, applied_at, skipped "
        "from removal_plan where tenant_id = :tenant_id and checksum <> '' order by id desc limit 50",
        tenant_id=tenant_id,
    )


def approval_run(connection: Connection, tenant_id: TenantId, plan_id: int) -> int:
    """The run that applies an approved plan."""
    row = fetch_one(
        connection,
        "select id from sync_run where tenant_id = :tenant_id and kind = 'approval' and scope[1] = :plan "
        "order by id desc limit 1",
        tenant_id=tenant_id,
        plan=f"plan:{plan_id}",
    )
    assert row is not None
    return int(row["id"])
