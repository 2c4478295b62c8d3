"""What rules of the pool do: assign without an operator, send neglected records back (POOL-12, POOL-13)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.associates.adding import members_who_can_add, who_can_add
from services.associates.store import share_directory
from services.pool.giving import OPEN, give
from services.pool.model import Act, Facing, PoolAssigned, PoolReturned, RuleAction
from services.pool.moving import release_of, returned_facts
from services.pool.plan import choose_rule, fill
from services.pool.rules import Rule, as_action, as_assign, as_return, load_rules, read_rule
from services.pool.store import lock_records
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

LOOKED_AT_ONCE = 500
RETURNED_AT_ONCE = 1000
RETURN_EVERY = timedelta(hours=1)
NOBODY_THERE = timedelta(minutes=15)
"""A rule that has nobody to give to is looked at again after so long."""


def tenants_with_due(connection: Connection, *, now: datetime) -> list[TenantId]:
    """Corps with records that rules are to look at."""
    rows = fetch_all(
        connection,
        "select t.id from tenant t where t.state <> 'suspended' "
        "and exists (select from pool_due d where d.tenant_id = t.id and d.at <= :now) order by t.id",
        now=now,
    )
    return [TenantId(row["id"]) for row in rows]


def apply_rules(connection: Connection, tenant: Tenant, *, now: datetime) -> tuple[int, tuple[PoolAssigned, ...]]:
    """Let the rules look at the next records that are due: how many these were, and facts (POOL-12).

    A record that no rule can act on yet is looked at again when the hours of one begin; one that no rule is about
    leaves the queue, and comes back when rules change.
    """
    share_directory(connection, tenant.id)
    ids = _take(connection, tenant.id, now=now)
    if not ids:
        return 0, ()
    rules = {rule.id: rule for rule in load_rules(connection, tenant.id) if rule.kind == "assign" and rule.enabled}
    zone = ZoneInfo(tenant.timezone)
    asked = [as_assign(rule) for rule in rules.values()]
    acting: dict[int, list[Facing]] = {}
    later: dict[CustomerId, datetime] = {}
    for record in _facing(connection, tenant.id, ids):
        rule, at = choose_rule(asked, record, zone, now=now)
        if rule is not None:
            acting.setdefault(rule.id, []).append(record)
        elif at is not None:
            later[record.customer_id] = at
    pairs = _receivers(connection, tenant.id, [(rules[one], acting[one]) for one in sorted(acting)])
    without = [
        record.customer_id for records in acting.values() for record in records if record.customer_id not in pairs
    ]
    _put_off(connection, tenant.id, later | dict.fromkeys(without, now + NOBODY_THERE))
    return len(ids), _give(connection, tenant, pairs, now=now)


def _take(connection: Connection, tenant_id: TenantId, *, now: datetime) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "delete from pool_due where (tenant_id, id) in (select tenant_id, id from pool_due "
        "where tenant_id = :tenant_id and at <= :now order by at, id limit :limit for update skip locked) "
        "returning customer_id",
        tenant_id=tenant_id,
        now=now,
        limit=LOOKED_AT_ONCE,
    )
    return sorted({CustomerId(row["customer_id"]) for row in rows})


def _put_off(connection: Connection, tenant_id: TenantId, later: Mapping[CustomerId, datetime]) -> None:
    if later:
        run(
            connection,
            "insert into pool_due (tenant_id, customer_id, at) select :tenant_id, id, at "
            "from unnest(cast(:ids as bigint[]), cast(:times as timestamptz[])) as p(id, at)",
            tenant_id=tenant_id,
            ids=list(later),
            times=list(later.values()),
        )


def _facing(connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId]) -> list[Facing]:
    rows = fetch_all(
        connection,
        "select p.customer_id, p.source, p.department_id, "
        "array(select t.tag_id from customer_tag t where t.tenant_id = p.tenant_id and t.customer_id = p.customer_id) "
        "as tag_ids, array(select s.stage_id from customer_stage s where s.tenant_id = p.tenant_id "
        "and s.customer_id = p.customer_id) as stage_ids from pool_record p "
        "where p.tenant_id = :tenant_id and p.customer_id = any(:ids) and p.status = 'unassigned' "
        "order by p.created_at, p.customer_id",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    return [
        Facing(
            CustomerId(row["customer_id"]),
            row["source"],
            row["department_id"],
            frozenset(row["tag_ids"]),
            frozenset(row["stage_ids"]),
        )
        for row in rows
    ]


def _receivers(
    connection: Connection, tenant_id: TenantId, acting: Sequence[tuple[Rule, Sequence[Facing]]]
) -> dict[CustomerId, tuple[UserId, int]]:
    """Whom each record goes to, and by which rule; those for whom nobody is there are left out."""
    found: dict[CustomerId, tuple[UserId, int]] = {}
    for rule, records in acting:
        groups: dict[int | None, list[CustomerId]] = {}
        action = as_action(rule)
        for record in records:
            groups.setdefault(record.department_id if action.own_outlet else None, []).append(record.customer_id)
        for outlet, ids in sorted(groups.items(), key=lambda one: one[0] or 0):
            userids = _members(connection, tenant_id, action, outlet)
            chosen = _share(connection, tenant_id, rule, userids, count=len(ids)) if userids else []
            found |= {one: (userid, rule.id) for one, userid in zip(ids, chosen, strict=False)}
    return found


def _members(connection: Connection, tenant_id: TenantId, action: RuleAction, outlet: int | None) -> list[UserId]:
    departments = [*action.department_ids, *([outlet] if action.own_outlet and outlet is not None else [])]
    members = members_who_can_add(connection, tenant_id, departments) if departments else {}
    named = who_can_add(connection, tenant_id, action.userids)
    return sorted({*named, *(one for of_one in members.values() for one in of_one)})


def _share(
    connection: Connection, tenant_id: TenantId, rule: Rule, userids: Sequence[UserId], *, count: int
) -> list[UserId]:
    row = fetch_one(
        connection,
        "update pool_rule set turn = turn + :count where tenant_id = :tenant_id and id = :id "
        "returning turn - :count as turn",
        tenant_id=tenant_id,
        id=rule.id,
        count=count,
    )
    assert row is not None
    if not as_action(rule).least_loaded:
        return [userids[(row["turn"] + k) % len(userids)] for k in range(count)]
    rows = fetch_all(
        connection,
        "select userid, count(*) as n from pool_record where tenant_id = :tenant_id and userid = any(:userids) "
        "and status = 'assigned' group by userid",
        tenant_id=tenant_id,
        userids=list(userids),
    )
    return fill(count, dict.fromkeys(userids, 0) | {UserId(one["userid"]): one["n"] for one in rows})


def _give(
    connection: Connection, tenant: Tenant, pairs: Mapping[CustomerId, tuple[UserId, int]], *, now: datetime
) -> tuple[PoolAssigned, ...]:
    facts: list[PoolAssigned] = []
    lock_records(connection, tenant.id, pairs)
    for rule_id in sorted({one for _, one in pairs.values()}):
        mine = {one: userid for one, (userid, by) in pairs.items() if by == rule_id}
        act = Act("rule", f"rule:{rule_id}", now, rule_id=rule_id)
        facts += give(connection, tenant, mine, act, of=OPEN, caused_by=f"pool_rule:{rule_id}").facts
    return tuple(facts)


def tenants_with_returns(connection: Connection, *, now: datetime) -> list[tuple[TenantId, int]]:
    """Rules whose hour has come to look for neglected records."""
    rows = fetch_all(
        connection,
        "select tenant_id, id from pool_rule where kind = 'return' and enabled and deleted_at is null "
        "and next_run_at <= :now order by tenant_id, id",
        now=now,
    )
    return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]


NEGLECTED = (
    "select customer_id as id from pool_record where tenant_id = :tenant_id and status = any(:statuses) "
    "and status_at <= :before and coalesce(contacted_at, status_at) <= :before "
    "and (cast(:sources as text[]) = '{}' or source = any(:sources)) order by customer_id limit :limit for update"
)
THESE = (
    "select customer_id, cast(null as text) as userid from pool_record where tenant_id = :tenant_id "
    "and customer_id = any(:ids) and status = any(:of)"
)


def return_neglected(
    connection: Connection, tenant_id: TenantId, rule_id: int, *, now: datetime
) -> tuple[PoolReturned, ...]:
    """Send the next records back on which nothing has happened for the rule's days (POOL-13); facts."""
    row = fetch_one(
        connection,
        "select * from pool_rule where tenant_id = :tenant_id and id = :id and enabled and deleted_at is null "
        "and next_run_at <= :now for update skip locked",
        tenant_id=tenant_id,
        id=rule_id,
        now=now,
    )
    if row is None:
        return ()
    rule = as_return(read_rule(row))
    rows = fetch_all(
        connection,
        NEGLECTED,
        tenant_id=tenant_id,
        statuses=[one.value for one in rule.statuses],
        sources=sorted(rule.sources),
        before=now - timedelta(days=rule.days),
        limit=RETURNED_AT_ONCE,
    )
    if len(rows) < RETURNED_AT_ONCE:
        run(
            connection,
            "update pool_rule set next_run_at = :at where tenant_id = :tenant_id and id = :id",
            tenant_id=tenant_id,
            id=rule_id,
            at=now + RETURN_EVERY,
        )
    act = Act("neglected", f"rule:{rule_id}", now, rule_id=rule_id)
    moved = release_of(connection, tenant_id, THESE, {"ids": [one["id"] for one in rows]}, act) if rows else []
    return returned_facts(moved, act)
