"""Into the pool: one, many, or all that a SELECT finds (POOL-1). Doing it twice changes nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.finding.selection import Selection
from services.pool.model import SOURCE, Act, Entry, PoolEntered, PoolRefusedError
from services.pool.store import IS_FRIEND, parts
from shared.db.engine import as_json, fetch_all, fetch_one
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

ENTRIES = (
    "select customer_id, source, department_id from jsonb_to_recordset(cast(:entries as jsonb)) "
    "as r(customer_id bigint, source text, department_id bigint)"
)
ENTER = """
with given as materialized ({given}),
  new as materialized (
    select distinct on (g.customer_id) g.customer_id, g.source, g.department_id, p.status, p.userid
    from given g
    cross join lateral (select 1 from customer u where u.tenant_id = :tenant_id and u.id = g.customer_id
      and u.merged_into is null and not {friend} offset 0) u
    left join lateral (select r.status, r.userid from pool_record r where r.tenant_id = :tenant_id
      and r.customer_id = g.customer_id offset 0) p on true
    where p.status is null or p.status = 'added' order by g.customer_id),
  written as (
    insert into pool_record as p (tenant_id, customer_id, status, source, department_id, why, by_whom, status_at,
      created_at)
    select :tenant_id, customer_id, 'unassigned', source, department_id, :why, :by_whom, :now, :now from new
    order by customer_id
    on conflict (tenant_id, customer_id) do update set status = 'unassigned', source = excluded.source,
      department_id = excluded.department_id, userid = null, why = excluded.why, by_whom = excluded.by_whom,
      rule_id = null, reason = null, note = null, contacted_at = null, status_at = excluded.status_at,
      created_at = excluded.created_at),
  noted as (
    insert into pool_change (tenant_id, customer_id, from_status, to_status, from_userid, why, at, by_whom)
    select :tenant_id, customer_id, status, 'unassigned', userid, :why, :now, :by_whom from new order by customer_id),
  due as (
    insert into pool_due (tenant_id, customer_id, at) select :tenant_id, customer_id, :now from new
    where exists (select from pool_rule r where r.tenant_id = :tenant_id and r.kind = 'assign' and r.enabled
      and r.deleted_at is null))
select source, array_agg(customer_id order by customer_id) as ids from new group by source order by source
"""
"""Looks are kept apart (`offset 0`) as in store.STEP."""
LOCK = (
    "select count(*) from (select u.id from customer u where u.tenant_id = :tenant_id "
    "and u.id = any(array(select g.customer_id from ({given}) as g)) order by u.id for update) as locked"
)


@dataclass(frozen=True)
class Entered:
    """Who entered; all others were in the pool already, are somebody's friend, or do not exist."""

    customer_ids: tuple[CustomerId, ...]
    facts: tuple[PoolEntered, ...]


def enter(connection: Connection, tenant: Tenant, entries: Sequence[Entry], act: Act) -> Entered:
    """Take customers into the pool, unassigned; of one who is named twice, the last counts.

    Who is in the pool already stays as they are, and an associate's friend does not enter. Locks the customers.

    Raises:
        PoolRefusedError: no such source.
    """
    last = {one.customer_id: one for one in entries}
    for source in {one.source for one in last.values()}:
        check_source(source)
    rows = [last[one].__dict__ for one in sorted(last)]
    return _enter(connection, tenant.id, ENTRIES, {"entries": as_json(rows)}, act)


def enter_chosen(connection: Connection, tenant: Tenant, chosen: Selection, *, source: str, act: Act) -> Entered:
    """The same for all that a SELECT finds, however many."""
    check_source(source)
    given = f"select c.customer_id, cast(:source as text) as source, cast(null as bigint) as department_id from ({chosen.sql}) as c"  # noqa: S608, E501
    return _enter(connection, tenant.id, given, {"source": source, **chosen.parameters}, act)


def check_source(source: str) -> None:
    """
    Raises:
        PoolRefusedError: it is none.
    """
    if not SOURCE.match(source):
        raise PoolRefusedError("a source is import, hand, api, leaver, or a kind with a name, such as shop:tmall")


def _enter(
    connection: Connection, tenant_id: TenantId, given: str, parameters: Mapping[str, object], act: Act
) -> Entered:
    # Whoever records a friendship of one of them has the customer's row locked as well: one of us sees the other.
    fetch_one(connection, LOCK.format(given=given), tenant_id=tenant_id, **parameters)
    rows = fetch_all(
        connection,
        ENTER.format(given=given, friend=IS_FRIEND.format("u", "id")),
        tenant_id=tenant_id,
        why=act.why,
        by_whom=act.by_whom,
        now=act.now,
        **parameters,
    )
    facts = [
        PoolEntered(occurred_at=act.now, source=row["source"], customer_ids=ids)
        for row in rows
        for ids in parts(row["ids"])
    ]
    return Entered(tuple(sorted(one for row in rows for one in row["ids"])), tuple(facts))
