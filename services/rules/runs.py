"""Runs: a rule that looks at everybody, page by page. A new or changed rule does, and each day those that time moves.

A page is one transaction, with the place where the next one begins; whoever is killed repeats at most a page, and
repeating finds nothing new. Rules that stand at the same place share their pages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.rules.model import RuleKey
from shared.db.engine import as_json, fetch_all, run
from shared.ids import CustomerId, TenantId

PAGE = 5_000
"""Customers in one transaction: a few hundred milliseconds for some dozens of rules."""


@dataclass(frozen=True)
class Run:
    """How far a rule is. `total_count`: of when it began."""

    key: RuleKey
    asked_at: datetime
    asked_by: str
    seen_count: int
    changed_count: int
    total_count: int | None
    done_at: datetime | None
    problem: str | None


@dataclass(frozen=True)
class OpenPage:
    """Rules that stand at one place, and whom they look at next."""

    keys: tuple[RuleKey, ...]
    after_id: int
    customer_ids: tuple[CustomerId, ...]
    last: bool


def ask_runs(connection: Connection, tenant_id: TenantId, keys: Iterable[RuleKey], *, by: str, now: datetime) -> None:
    """Look at everybody from the beginning, also where a run was under way."""
    run(
        connection,
        "insert into rule_run (tenant_id, kind, rule_id, asked_at, asked_by) select :tenant_id, kind, id, :now, :by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(kind text, id bigint) order by 2, 3 "
        "on conflict (tenant_id, kind, rule_id) do update set asked_at = excluded.asked_at, "
        "asked_by = excluded.asked_by, after_id = 0, seen_count = 0, changed_count = 0, total_count = null, "
        "done_at = null, problem = null",
        tenant_id=tenant_id,
        by=by,
        now=now,
        rows=as_json([{"kind": one.kind, "id": one.id} for one in sorted(set(keys))]),
    )


def tenants_with_runs(connection: Connection) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from rule_run r where r.tenant_id = t.id "
        "and r.done_at is null) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def lock_open_page(connection: Connection, tenant_id: TenantId, *, limit: int = PAGE) -> OpenPage | None:
    """The next page of the run that waits longest, and of all that stand where it does; None: nothing is open."""
    rows = fetch_all(
        connection,
        "select kind, rule_id, after_id, total_count from rule_run where tenant_id = :tenant_id and done_at is null "
        "and after_id = (select after_id from rule_run where tenant_id = :tenant_id and done_at is null "
        "order by asked_at, kind, rule_id limit 1) order by kind, rule_id for update",
        tenant_id=tenant_id,
    )
    if not rows:
        return None
    after_id = rows[0]["after_id"]
    if any(row["total_count"] is None for row in rows):
        _note_total(connection, tenant_id)
    page = fetch_all(
        connection,
        "select customer_id from customer_card where tenant_id = :tenant_id and customer_id > :after "
        "order by customer_id limit :limit",
        tenant_id=tenant_id,
        after=after_id,
        limit=limit,
    )
    ids = tuple(CustomerId(row["customer_id"]) for row in page)
    return OpenPage(tuple(RuleKey(r["kind"], r["rule_id"]) for r in rows), after_id, ids, len(ids) < limit)


def _note_total(connection: Connection, tenant_id: TenantId) -> None:
    run(
        connection,
        "update rule_run set total_count = (select count(*) from customer_card where tenant_id = :tenant_id) "
        "where tenant_id = :tenant_id and done_at is null and total_count is null",
        tenant_id=tenant_id,
    )


def record_page(
    connection: Connection,
    tenant_id: TenantId,
    page: OpenPage,
    *,
    failed: Sequence[RuleKey],
    changed_count: int,
    now: datetime,
) -> None:
    """The next page begins behind this one. What could not be asked ends with a problem; the next day tries again."""
    over = {"tenant_id": tenant_id, "now": now}
    keys = [one for one in page.keys if one not in failed]
    run(
        connection,
        "update rule_run r set after_id = :last, seen_count = seen_count + :seen, "
        "changed_count = changed_count + :changed, done_at = case when :over then cast(:now as timestamptz) end "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as k(kind text, id bigint) "
        "where r.tenant_id = :tenant_id and r.kind = k.kind and r.rule_id = k.id",
        last=page.customer_ids[-1] if page.customer_ids else page.after_id,
        seen=len(page.customer_ids),
        changed=changed_count,
        over=page.last,
        rows=as_json([{"kind": one.kind, "id": one.id} for one in keys]),
        **over,
    )
    if failed:
        run(
            connection,
            "update rule_run r set done_at = :now, problem = 'it could not be asked; the log says why' "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as k(kind text, id bigint) "
            "where r.tenant_id = :tenant_id and r.kind = k.kind and r.rule_id = k.id",
            rows=as_json([{"kind": one.kind, "id": one.id} for one in failed]),
            **over,
        )


def load_runs(connection: Connection, tenant_id: TenantId) -> dict[RuleKey, Run]:
    rows = fetch_all(connection, "select * from rule_run where tenant_id = :tenant_id", tenant_id=tenant_id)
    return {
        RuleKey(row["kind"], row["rule_id"]): Run(
            RuleKey(row["kind"], row["rule_id"]),
            row["asked_at"],
            row["asked_by"],
            row["seen_count"],
            row["changed_count"],
            row["total_count"],
            row["done_at"],
            row["problem"],
        )
        for row in rows
    }


def take_daily(connection: Connection, *, hour: int, now: datetime) -> list[TenantId]:
    """Corps whose day has come to the hour of the daily run, each once a day."""
    rows = fetch_all(
        connection,
        "update rule_book b set daily_on = d.day from (select t.id, "
        "cast(cast(:now as timestamptz) at time zone t.timezone as date) as day from tenant t "
        "where extract(hour from cast(:now as timestamptz) at time zone t.timezone) >= :hour) d "
        "where b.tenant_id = d.id and b.daily_on is distinct from d.day returning b.tenant_id",
        hour=hour,
        now=now,
    )
    return sorted(TenantId(row["tenant_id"]) for row in rows)
