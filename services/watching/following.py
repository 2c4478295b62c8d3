"""Customers who are in a stage, or without contact, for too long (STG-2): a page of them in one transaction.

A walk goes by customer id, and keeps its place in its own row: memory and transactions do not grow with the corp.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.contacting.store import last_contacts
from services.reminders.model import NOT_KNOWN
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, Told, Watch
from services.watching.plan import begin_of, number_due
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import CustomerId, ExternalUserId, TenantId, UserId
from shared.tenants import Tenant

PAGE = 1000

# The page is taken first, and all else looked up for each of it: joined, every page would read from the corp's first
# customer on.
STAYS = """
with page as materialized (
  select customer_id as id, line_id, entered_at from customer_stage where tenant_id = :tenant_id
    and stage_id = :stage_id and customer_id > :after and entered_at < :before order by customer_id limit :limit)
"""
IN_STAGE = """
with page as materialized (
  select customer_id as id from customer_stage where tenant_id = :tenant_id and stage_id = :stage_id
    and customer_id > :after order by customer_id limit :limit)
"""
ASSIGNED = """
with page as materialized (
  select id from customer where tenant_id = :tenant_id and id > :after and assigned_userid is not null
  order by id limit :limit)
"""
LOOK_UP = """
select p.*, u.assigned_userid, u.assigned_at, t.since, t.number, t.told_on,
  coalesce(u.assigned_userid is not null and u.assigned_at < :before and u.merged_into is null, false)
    and b.customer_id is null and o.customer_id is null as is_meant
from page p
left join lateral (select assigned_userid, assigned_at, merged_into from customer
  where tenant_id = :tenant_id and id = p.id limit 1) u on true
left join lateral (select since, number, told_on from reminder_told where tenant_id = :tenant_id
  and customer_id = p.id and kind = :kind and stage_id = :stage_id limit 1) t on true
left join lateral (select customer_id from blacklist_entry where tenant_id = :tenant_id
  and customer_id = p.id and ended_at is null limit 1) b on true
left join lateral (select customer_id from customer_stage where tenant_id = :tenant_id
  and customer_id = p.id and stage_id = any(:others) limit 1) o on true
order by p.id
"""


@dataclass(frozen=True)
class Page:
    """`cursor`: the last customer looked at; None: that was the last page."""

    facts: Sequence[CustomerStageOverstayed | CustomerNotContacted]
    cursor: int | None


def stays_page(
    connection: Connection, tenant: Tenant, watch: Watch, day: date, *, after: int, limit: int = PAGE, now: datetime
) -> Page:
    """The next customers of a stage; facts about those of whom it is time to tell, each once for each number."""
    rows = _rows(connection, tenant, STAYS, watch, day, after=after, limit=limit)
    due = _due(rows, {row["id"]: row["entered_at"] for row in rows}, tenant, watch, day)
    contacts = _note(connection, tenant.id, watch, day, due)
    facts = [
        CustomerStageOverstayed(
            occurred_at=now,
            customer_id=CustomerId(row["id"]),
            external_userid=contacts.get(row["id"]),
            userid=_assigned(row),
            line_id=row["line_id"],
            stage_id=watch.stage_id,
            entered_at=since.isoformat(),
            days=watch.days[0],
            number=number,
        )
        for row, since, number in due
    ]
    return Page(facts, _cursor(rows, limit))


def silence_page(
    connection: Connection, tenant: Tenant, watch: Watch, day: date, *, after: int, limit: int = PAGE, now: datetime
) -> Page:
    """The next customers who have an associate: of one stage, or of none that has days of its own. As `stays_page`."""
    page = ASSIGNED if watch.stage_id == NOT_KNOWN else IN_STAGE
    seen = _rows(connection, tenant, page, watch, day, after=after, limit=limit)
    rows = [row for row in seen if row["is_meant"]]
    last = last_contacts(connection, tenant.id, [CustomerId(row["id"]) for row in rows])
    counted = {
        row["id"]: last[row["id"]] for row in rows if row["id"] in last and last[row["id"]].at > row["assigned_at"]
    }
    since_of = {row["id"]: counted[row["id"]].at if row["id"] in counted else row["assigned_at"] for row in rows}
    due = _due(rows, since_of, tenant, watch, day)
    contacts = _note(connection, tenant.id, watch, day, due)
    facts = [
        CustomerNotContacted(
            occurred_at=now,
            customer_id=CustomerId(row["id"]),
            external_userid=contacts.get(row["id"]),
            userid=UserId(row["assigned_userid"]),
            stage_id=watch.stage_id or None,
            since=since.isoformat(),
            source=counted[row["id"]].source.value if row["id"] in counted else None,
            days=watch.days[0],
            number=number,
        )
        for row, since, number in due
    ]
    return Page(facts, _cursor(seen, limit))


def _rows(
    connection: Connection, tenant: Tenant, page: str, watch: Watch, day: date, *, after: int, limit: int
) -> Sequence[Row]:
    # Whoever came later than this is not due, whatever was told: most of a large stage is not even read.
    before = begin_of(day - timedelta(days=watch.days[0] - 1), ZoneInfo(tenant.timezone))
    return fetch_all(
        connection,
        page + LOOK_UP,
        tenant_id=tenant.id,
        kind=watch.kind,
        stage_id=watch.stage_id,
        after=after,
        before=before,
        limit=limit,
        others=_stages_of_their_own(connection, tenant.id, watch),
    )


def _stages_of_their_own(connection: Connection, tenant_id: TenantId, watch: Watch) -> list[int]:
    """Stages for which other days hold than for customers wherever they are."""
    if watch.stage_id != NOT_KNOWN:
        return []
    rows = fetch_all(
        connection,
        "select stage_id from reminder_clock where tenant_id = :tenant_id and kind = :kind and stage_id <> :none",
        tenant_id=tenant_id,
        kind=watch.kind,
        none=NOT_KNOWN,
    )
    return [row["stage_id"] for row in rows]


def _due(
    rows: Sequence[Row], since_of: Mapping[int, datetime], tenant: Tenant, watch: Watch, day: date
) -> list[tuple[Row, datetime, int]]:
    zone, found = ZoneInfo(tenant.timezone), []
    for row in rows:
        told = None if row["since"] is None else Told(row["since"], row["number"], row["told_on"])
        since = since_of[row["id"]]
        number = number_due(since, told, days=watch.days[0], every_days=watch.every_days, today=day, zone=zone)
        if number is not None:
            found.append((row, since, number))
    return found


def _note(
    connection: Connection, tenant_id: TenantId, watch: Watch, day: date, due: Sequence[tuple[Row, datetime, int]]
) -> dict[int, ExternalUserId]:
    """Note what is told; the WeCom contacts of these customers."""
    if not due:
        return {}
    run(
        connection,
        "insert into reminder_told (tenant_id, customer_id, kind, stage_id, since, number, told_on) "
        "select :tenant_id, customer_id, :kind, :stage_id, since, number, :day "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, since timestamptz, number integer) "
        "on conflict (tenant_id, customer_id, kind, stage_id) do update set since = excluded.since, "
        "number = excluded.number, told_on = excluded.told_on",
        tenant_id=tenant_id,
        kind=watch.kind,
        stage_id=watch.stage_id,
        day=day,
        rows=as_json([{"customer_id": row["id"], "since": since, "number": number} for row, since, number in due]),
    )
    rows = fetch_all(
        connection,
        "select customer_id, min(external_userid) as external_userid from external_contact "
        "where tenant_id = :tenant_id and customer_id = any(:ids) group by 1",
        tenant_id=tenant_id,
        ids=[row["id"] for row, _, _ in due],
    )
    return {row["customer_id"]: ExternalUserId(row["external_userid"]) for row in rows}


def _assigned(row: Row) -> UserId | None:
    return None if row["assigned_userid"] is None else UserId(row["assigned_userid"])


def _cursor(rows: Sequence[Row], limit: int) -> int | None:
    return rows[-1]["id"] if len(rows) == limit else None
