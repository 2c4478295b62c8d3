"""Moves customers between stages: by hand, a page of a selection at a time, and by what rules find (STG-1).

What a person has set stays until a rule finds something new: a stage that somebody did not meet at the last look, and
meets now. So each look is kept (`stage_met`). Who is in a stage by rule leaves it when no rule calls for it any more.

Locks: first the stages (shared), then the customers by id, whose rows are locked here or by the caller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.chosen import PAGE, load_page, lock_page, touch
from services.finding.selection import Selection
from services.stages.model import Moved, NoStageError
from shared.db.engine import Row, as_json, fetch_all
from shared.ids import CustomerId, TenantId


@dataclass(frozen=True)
class MovedPage:
    """`last`: where to go on; None: that was the last page."""

    chosen_count: int
    moved: Sequence[Moved]
    last: CustomerId | None


def enter_page(
    connection: Connection,
    tenant_id: TenantId,
    chosen: Selection,
    stage_id: int,
    *,
    after: int = 0,
    limit: int = PAGE,
    by_whom: str,
    now: datetime,
) -> MovedPage:
    """Put the next customers into a stage by hand. Whoever does it again, after a crash too, changes nothing twice.

    Raises:
        NoStageError: it was deleted meanwhile; the caller rolls back.
    """
    line_id = lock_stages(connection, tenant_id, [stage_id]).get(stage_id)
    if line_id is None:
        raise NoStageError("there is no such stage")
    page = load_page(connection, chosen, after=after, limit=limit)
    ids = lock_page(connection, tenant_id, page)
    rows = fetch_all(
        connection,
        "with was as (select customer_id, stage_id from customer_stage where tenant_id = :tenant_id "
        "and line_id = :line_id and customer_id = any(:ids)), "
        "moved as (insert into customer_stage as s (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom) "
        "select :tenant_id, :line_id, c.id, :stage_id, :now, :by_whom from unnest(cast(:ids as bigint[])) as c(id) "
        "order by 3 on conflict (tenant_id, customer_id, line_id) do update set stage_id = excluded.stage_id, "
        "by_whom = excluded.by_whom, entered_at = case when s.stage_id = excluded.stage_id then s.entered_at "
        "else excluded.entered_at end returning customer_id) "
        "select m.customer_id, w.stage_id as from_id, cast(:stage_id as bigint) as to_id, "
        "cast(:line_id as bigint) as line_id from moved m left join was w using (customer_id) "
        "where w.stage_id is distinct from :stage_id order by 1",
        tenant_id=tenant_id,
        line_id=line_id,
        stage_id=stage_id,
        ids=ids,
        by_whom=by_whom,
        now=now,
    )
    return _page(connection, tenant_id, page, rows, limit=limit, now=now)


def leave_page(
    connection: Connection,
    tenant_id: TenantId,
    chosen: Selection,
    line_id: int,
    *,
    after: int = 0,
    limit: int = PAGE,
    now: datetime,
) -> MovedPage:
    """Take the next customers out of a line by hand; rules put them back when they find something new."""
    page = load_page(connection, chosen, after=after, limit=limit)
    ids = lock_page(connection, tenant_id, page)
    rows = fetch_all(
        connection,
        "with gone as (delete from customer_stage where tenant_id = :tenant_id and line_id = :line_id "
        "and customer_id = any(:ids) returning customer_id, stage_id) "
        "select customer_id, stage_id as from_id, cast(null as bigint) as to_id, cast(:line_id as bigint) as line_id "
        "from gone order by 1",
        tenant_id=tenant_id,
        line_id=line_id,
        ids=ids,
    )
    return _page(connection, tenant_id, page, rows, limit=limit, now=now)


def _page(
    connection: Connection,
    tenant_id: TenantId,
    page: Sequence[CustomerId],
    rows: Sequence[Row],
    *,
    limit: int,
    now: datetime,
) -> MovedPage:
    moved = _moved(rows)
    touch(connection, tenant_id, [one.customer_id for one in moved], now=now)
    return MovedPage(len(page), moved, page[-1] if len(page) == limit else None)


def _moved(rows: Sequence[Row]) -> list[Moved]:
    return [Moved(CustomerId(row["customer_id"]), row["line_id"], row["from_id"], row["to_id"]) for row in rows]


def lock_stages(connection: Connection, tenant_id: TenantId, ids: Sequence[int]) -> Mapping[int, int]:
    """Those of these stages that live -> their lines; nobody deletes them until the transaction ends."""
    rows = fetch_all(
        connection,
        "select id, line_id from stage where tenant_id = :tenant_id and id = any(:ids) and deleted_at is null "
        "order by id for share",
        tenant_id=tenant_id,
        ids=sorted(set(ids)),
    )
    return {row["id"]: row["line_id"] for row in rows}


@dataclass(frozen=True)
class Met:
    """What a look found: the automatic stages of a line that somebody meets now, in the order of the line."""

    customer_id: CustomerId
    line_id: int
    stage_ids: tuple[int, ...]


FOLLOW = """
with news as (
  select customer_id, line_id, met, met[cardinality(met)] as called
  from jsonb_to_recordset(cast(:news as jsonb)) as n(customer_id bigint, line_id bigint, met bigint[])),
known as (
  select n.*, coalesce(m.stage_ids, '{}') as was, s.stage_id,
    coalesce(s.by_whom like 'rule:%' and s.stage_id = any(:automatic), false) as by_rule
  from news n
  left join stage_met m on m.tenant_id = :tenant_id and m.line_id = n.line_id and m.customer_id = n.customer_id
  left join customer_stage s on s.tenant_id = :tenant_id and s.line_id = n.line_id and s.customer_id = n.customer_id),
wanted as (
  select *, case when by_rule then called when called is not null and not called = any(was) then called
    else stage_id end as goal from known),
noted as (
  insert into stage_met (tenant_id, line_id, customer_id, stage_ids)
  select :tenant_id, line_id, customer_id, met from wanted where met <> '{}' order by 3, 2
  on conflict (tenant_id, customer_id, line_id) do update set stage_ids = excluded.stage_ids),
forgotten as (
  delete from stage_met m using wanted w where w.met = '{}' and m.tenant_id = :tenant_id and m.line_id = w.line_id
    and m.customer_id = w.customer_id),
entered as (
  insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom)
  select :tenant_id, line_id, customer_id, goal, :now, 'rule:' || goal from wanted
  where goal is not null and goal is distinct from stage_id order by 3, 2
  on conflict (tenant_id, customer_id, line_id) do update set stage_id = excluded.stage_id,
    entered_at = excluded.entered_at, by_whom = excluded.by_whom),
left_line as (
  delete from customer_stage s using wanted w where w.goal is null and s.tenant_id = :tenant_id
    and s.line_id = w.line_id and s.customer_id = w.customer_id)
select customer_id, line_id, stage_id as from_id, goal as to_id from wanted where goal is distinct from stage_id
order by 1, 2
"""


def follow_rules(
    connection: Connection, tenant_id: TenantId, found: Sequence[Met], *, automatic: Sequence[int], now: datetime
) -> list[Moved]:
    """Note what rules found of customers, who are locked, and move them accordingly.

    `automatic`: all automatic stages of these lines that live; who is in another one by rule is there by hand since it
    was switched over.
    """
    living = lock_stages(connection, tenant_id, automatic)
    news = [
        {"customer_id": one.customer_id, "line_id": one.line_id, "met": [s for s in one.stage_ids if s in living]}
        for one in found
    ]
    rows = fetch_all(connection, FOLLOW, tenant_id=tenant_id, news=as_json(news), automatic=sorted(living), now=now)
    return _moved(rows)
