"""Counts behaviours that some score rule asks for: triggers leave a mark of each, in the transaction that told it.

A mark is taken in the transaction that enters it into the ledger, so a process that is killed counts nothing twice and
loses nothing. Customers are locked before anything is read of them: two processes take turns.
"""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.scores.model import Account, Behaviour, Entry, ScoreChanged, ScoreRule
from services.scores.plan import Holder, facts_of, plan_entries, sums
from services.scores.store import is_below_zero_allowed, load_score_rules
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

BATCH = 1_000
MOST_MERGES = 5


def tenants_with_behaviours(connection: Connection) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from behaviour_due d where d.tenant_id = t.id) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def count_behaviours(
    connection: Connection, tenant: Tenant, *, now: datetime, limit: int = BATCH
) -> tuple[int, list[ScoreChanged]]:
    """Enter the next behaviours; how many were looked at, and what is told."""
    rows = _take(connection, tenant, limit=limit)
    if not rows:
        return 0, []
    stands = _lock(connection, tenant.id, rows)
    behaviours = [_behaviour(row, stands, tenant, now) for row in rows if row["customer_id"] in stands]
    rules = load_score_rules(connection, tenant.id)
    ids = sorted({one.customer_id for one in behaviours})
    balances = load_balances(connection, tenant.id, ids)
    entries = plan_entries(
        behaviours,
        rules,
        known=_known(connection, tenant.id, behaviours, rules),
        counts=_counts(connection, tenant.id, ids, rules),
        balances=balances,
        below_zero=is_below_zero_allowed(connection, tenant.id),
    )
    _record(connection, tenant.id, entries, now=now)
    return len(rows), facts_of(entries, balances, at=now)


def _take(connection: Connection, tenant: Tenant, *, limit: int) -> Sequence[Row]:
    """Amounts in another currency than the corp's come as null."""
    return fetch_all(
        connection,
        "with taken as (delete from behaviour_due where tenant_id = :tenant_id and id in (select id from behaviour_due "
        "where tenant_id = :tenant_id order by id limit :limit for update skip locked) returning *) "
        "select d.id, d.customer_id, d.behaviour, d.source_key, d.occurred_at, "
        "case when d.currency = t.currency then d.amount end as amount from taken d "
        "join tenant t on t.id = d.tenant_id order by d.id",
        tenant_id=tenant.id,
        limit=limit,
    )


def _lock(connection: Connection, tenant_id: TenantId, rows: Sequence[Row]) -> dict[int, CustomerId]:
    """Whom each customer stands for, once nobody can change that any more; a merged one stands for the master."""
    ids = sorted({row["customer_id"] for row in rows})
    stands = dict[int, CustomerId]()
    for _ in range(MOST_MERGES):  # a merge may have happened while we waited
        found = fetch_all(
            connection,
            "select id, coalesce(merged_into, id) as stands from customer where tenant_id = :tenant_id "
            "and id = any(:ids)",
            tenant_id=tenant_id,
            ids=ids,
        )
        wanted = sorted({row["stands"] for row in found})
        locked = fetch_all(
            connection,
            "select id from customer where tenant_id = :tenant_id and id = any(:ids) and merged_into is null "
            "order by id for no key update",
            tenant_id=tenant_id,
            ids=wanted,
        )
        stands = {row["id"]: CustomerId(row["stands"]) for row in found}
        if len(locked) == len(wanted):
            break
    return stands


def _behaviour(row: Row, stands: dict[int, CustomerId], tenant: Tenant, now: datetime) -> Behaviour:
    at = row["occurred_at"] or now
    day = at.astimezone(ZoneInfo(tenant.timezone)).date()
    return Behaviour(stands[row["customer_id"]], row["behaviour"], row["source_key"], at, day, row["amount"])


def load_balances(connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId]) -> dict[Holder, int]:
    rows = fetch_all(
        connection,
        "select customer_id, score, points from customer_score where tenant_id = :tenant_id "
        "and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    return {(CustomerId(row["customer_id"]), account): row[account.value] for row in rows for account in Account}


def _known(
    connection: Connection, tenant_id: TenantId, behaviours: Sequence[Behaviour], rules: Sequence[ScoreRule]
) -> set[tuple[int, str]]:
    rows = fetch_all(
        connection,
        "select rule_id, source_key from score_entry where tenant_id = :tenant_id and rule_id = any(:rules) "
        "and source_key = any(:keys)",
        tenant_id=tenant_id,
        rules=[one.id for one in rules],
        keys=sorted({one.key for one in behaviours}),
    )
    return {(row["rule_id"], row["source_key"]) for row in rows}


def _counts(
    connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId], rules: Sequence[ScoreRule]
) -> dict[tuple[int, CustomerId, date], int]:
    limited = [one.id for one in rules if one.per_day is not None]
    if not limited:
        return {}
    rows = fetch_all(
        connection,
        "select rule_id, customer_id, day, count(*) as n from score_entry where tenant_id = :tenant_id "
        "and customer_id = any(:ids) and rule_id = any(:rules) group by 1, 2, 3",
        tenant_id=tenant_id,
        ids=list(ids),
        rules=limited,
    )
    return {(row["rule_id"], CustomerId(row["customer_id"]), row["day"]): row["n"] for row in rows}


def _record(connection: Connection, tenant_id: TenantId, entries: Sequence[Entry], *, now: datetime) -> None:
    if not entries:
        return
    rows = [
        {
            "account": one.account.value,
            "customer_id": one.customer_id,
            "amount": one.amount,
            "rule_id": one.rule_id,
            "source_key": one.key,
            "day": one.day,
            "occurred_at": one.occurred_at,
        }
        for one in entries
    ]
    run(
        connection,
        "insert into score_entry (tenant_id, account, customer_id, amount, rule_id, source_key, day, occurred_at, "
        "recorded_at, by_whom) select :tenant_id, account, customer_id, amount, rule_id, source_key, day, occurred_at, "
        ":now, 'rule:' || rule_id from jsonb_to_recordset(cast(:rows as jsonb)) as r(account text, customer_id bigint, "
        "amount bigint, rule_id bigint, source_key text, day date, occurred_at timestamptz)",
        tenant_id=tenant_id,
        now=now,
        rows=as_json(rows),
    )
    _add(connection, tenant_id, sums(entries), now=now)


def _add(connection: Connection, tenant_id: TenantId, changed: dict[Holder, int], *, now: datetime) -> None:
    rows = [{"customer_id": id_, account.value: amount} for (id_, account), amount in changed.items()]
    run(
        connection,
        "with changed as (select customer_id, coalesce(sum(score), 0) as score, coalesce(sum(points), 0) as points "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, score bigint, points bigint) "
        "group by 1), touched as (update customer u set updated_at = :now from changed c "
        "where u.tenant_id = :tenant_id and u.id = c.customer_id and u.updated_at < :now) "
        "insert into customer_score as s (tenant_id, customer_id, score, points) "
        "select :tenant_id, customer_id, score, points from changed order by 2 "
        "on conflict (tenant_id, customer_id) do update set score = s.score + excluded.score, "
        "points = s.points + excluded.points",
        tenant_id=tenant_id,
        rows=as_json(rows),
        now=now,
    )
