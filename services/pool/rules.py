"""Rules of the pool as they are kept: who goes to whom, and who goes back (POOL-12, POOL-13)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.pool.model import Act, AssignRule, NoSuchError, PoolRefusedError, ReturnRule, RuleAction, Status
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId

MOST_RULES = 200


@dataclass(frozen=True)
class Rule:
    """A rule as it is kept: `conditions` and `action` hold the fields of the values in model.py."""

    id: int
    kind: str
    name: str
    position: int
    enabled: bool
    conditions: Mapping[str, Any]
    action: Mapping[str, Any]
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Draft:
    """A rule as somebody wants it. kind: `assign` or `return`."""

    kind: str
    name: str
    position: int
    enabled: bool
    conditions: Mapping[str, Any]
    action: Mapping[str, Any]


def make_rule(connection: Connection, tenant_id: TenantId, draft: Draft, act: Act) -> Rule:
    """Keep a new rule; records that wait are looked at with it.

    Raises:
        PoolRefusedError: there are too many.
    """
    if len(load_rules(connection, tenant_id)) >= MOST_RULES:
        raise PoolRefusedError(f"a corp has {MOST_RULES} rules of the pool at most: delete one first")
    row = fetch_one(
        connection,
        "insert into pool_rule (tenant_id, kind, name, position, enabled, conditions, action, next_run_at, created_at, "
        "created_by) values (:tenant_id, :kind, :name, :position, :enabled, cast(:conditions as jsonb), "
        "cast(:action as jsonb), :now, :now, :by) returning id",
        tenant_id=tenant_id,
        by=act.by_whom,
        now=act.now,
        **_columns(draft),
    )
    assert row is not None
    _look_at_all(connection, tenant_id, draft, now=act.now)
    return load_rule(connection, tenant_id, row["id"])


def change_rule(connection: Connection, tenant_id: TenantId, rule_id: int, draft: Draft, act: Act) -> Rule:
    """What it did stays; from now on it does as it says now.

    Raises:
        NoSuchError, PoolRefusedError: no such rule, or one of another kind.
    """
    if load_rule(connection, tenant_id, rule_id).kind != draft.kind:
        raise PoolRefusedError("a rule keeps its kind: delete it and make another one")
    run(
        connection,
        "update pool_rule set kind = :kind, name = :name, position = :position, enabled = :enabled, "
        "conditions = cast(:conditions as jsonb), action = cast(:action as jsonb), next_run_at = :now "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        now=act.now,
        **_columns(draft),
    )
    _look_at_all(connection, tenant_id, draft, now=act.now)
    return load_rule(connection, tenant_id, rule_id)


def delete_rule(connection: Connection, tenant_id: TenantId, rule_id: int, *, now: datetime) -> None:
    run(
        connection,
        "update pool_rule set deleted_at = :now, enabled = false where tenant_id = :tenant_id and id = :id "
        "and deleted_at is null",
        tenant_id=tenant_id,
        id=rule_id,
        now=now,
    )


def _columns(draft: Draft) -> dict[str, object]:
    values = asdict(draft)
    return values | {"conditions": as_json(values["conditions"]), "action": as_json(values["action"])}


def _look_at_all(connection: Connection, tenant_id: TenantId, draft: Draft, *, now: datetime) -> None:
    if draft.kind == "assign" and draft.enabled:
        run(
            connection,
            "insert into pool_due (tenant_id, customer_id, at) select tenant_id, customer_id, :now from pool_record p "
            "where tenant_id = :tenant_id and status = 'unassigned' and not exists (select from pool_due d "
            "where d.tenant_id = p.tenant_id and d.customer_id = p.customer_id and d.at <= :now)",
            tenant_id=tenant_id,
            now=now,
        )


def load_rules(connection: Connection, tenant_id: TenantId) -> list[Rule]:
    """In the order in which they are asked."""
    rows = fetch_all(
        connection,
        "select * from pool_rule where tenant_id = :tenant_id and deleted_at is null order by position, id",
        tenant_id=tenant_id,
    )
    return [read_rule(row) for row in rows]


def load_rule(connection: Connection, tenant_id: TenantId, rule_id: int) -> Rule:
    """
    Raises:
        NoSuchError: no such rule.
    """
    row = fetch_one(
        connection,
        "select * from pool_rule where tenant_id = :tenant_id and id = :id and deleted_at is null",
        tenant_id=tenant_id,
        id=rule_id,
    )
    if row is None:
        raise NoSuchError(f"no rule {rule_id} of the pool")
    return read_rule(row)


def read_rule(row: Row) -> Rule:
    return Rule(**{name: row[name] for name in Rule.__dataclass_fields__})


def as_assign(rule: Rule) -> AssignRule:
    told = rule.conditions
    return AssignRule(
        rule.id,
        rule.position,
        sources=frozenset(told.get("sources") or ()),
        tag_ids=frozenset(told.get("tag_ids") or ()),
        stage_ids=frozenset(told.get("stage_ids") or ()),
        department_ids=frozenset(told.get("department_ids") or ()),
        from_hour=told.get("from_hour"),
        to_hour=told.get("to_hour"),
    )


def as_action(rule: Rule) -> RuleAction:
    told = rule.action
    return RuleAction(
        userids=tuple(told.get("userids") or ()),
        department_ids=tuple(told.get("department_ids") or ()),
        own_outlet=bool(told.get("own_outlet")),
        least_loaded=bool(told.get("least_loaded")),
    )


def as_return(rule: Rule) -> ReturnRule:
    told = rule.conditions
    statuses = tuple(Status(one) for one in told["statuses"])
    return ReturnRule(rule.id, told["days"], statuses, frozenset(told.get("sources") or ()))
