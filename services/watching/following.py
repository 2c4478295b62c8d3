"""Customers who are in a stage, or without contact, for too long (STG-2): a page of them in one transaction.

A walk goes by customer id, and keeps its place in its own row: memory and transactions do not grow with the corp.
Whoever is to be told of is locked and looked at once more: whoever writes down a contact or moves somebody to another
stage locks them too, so either the walk sees it, or it takes back what the walk has told.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.contacting.model import Contacted
from services.contacting.store import last_contacts
from services.persons.store import lock_customers
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
    and stage_id = :stage_id and customer_id {which} and entered_at < :before order by customer_id limit :limit)
"""
IN_STAGE = """
with page as materialized (
  select customer_id as id from customer_stage where tenant_id = :tenant_id and stage_id = :stage_id
    and customer_id {which} order by customer_id limit :limit)
"""
ASSIGNED = """
with page as materialized (
  select id from customer where tenant_id = :tenant_id and id {which} and assigned_userid is not null
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


@dataclass(frozen=True)
class _Due:
    """Somebody of whom it is time to tell: for the `number`th time since then. `last`: the contact it counts from."""

    row: Row
    since: datetime
    number: int
    last: Contacted | None = None


_Found = tuple[Sequence[Row], list[_Due]]
"""Who was looked at, and those of them of whom it is time to tell."""
_Find = Callable[[Collection[int] | None], _Found]
"""Looks at the next page; given ids, at these alone."""


def stays_page(
    connection: Connection, tenant: Tenant, watch: Watch, day: date, *, after: int, limit: int = PAGE, now: datetime
) -> Page:
    """The next customers of a stage; facts about those of whom it is time to tell, each once for each number."""

    def find(ids: Collection[int] | None) -> _Found:
        rows = _rows(connection, tenant, STAYS, watch, day, after=after, ids=ids, limit=limit)
        return rows, _due(rows, {row["id"]: row["entered_at"] for row in rows}, tenant, watch, day)

    seen, due = _find_and_hold(connection, tenant.id, find)
    contacts = _note(connection, tenant.id, watch, day, due)
    facts = [
        CustomerStageOverstayed(
            occurred_at=now,
            customer_id=CustomerId(one.row["id"]),
            external_userid=contacts.get(one.row["id"]),
            userid=_assigned(one.row),
            line_id=one.row["line_id"],
            stage_id=watch.stage_id,
            entered_at=one.since.isoformat(),
            days=watch.days[0],
            number=one.number,
        )
        for one in due
    ]
    return Page(facts, _cursor(seen, limit))


def silence_page(
    connection: Connection, tenant: Tenant, watch: Watch, day: date, *, after: int, limit: int = PAGE, now: datetime
) -> Page:
    """The next customers who have an associate: of one stage, or of none that has days of its own. As `stays_page`."""
    page = ASSIGNED if watch.stage_id == NOT_KNOWN else IN_STAGE

    def find(ids: Collection[int] | None) -> _Found:
        rows = _rows(connection, tenant, page, watch, day, after=after, ids=ids, limit=limit)
        return rows, _due_of_silence(connection, [row for row in rows if row["is_meant"]], tenant, watch, day)

    seen, due = _find_and_hold(connection, tenant.id, find)
    contacts = _note(connection, tenant.id, watch, day, due)
    facts = [
        CustomerNotContacted(
            occurred_at=now,
            customer_id=CustomerId(one.row["id"]),
            external_userid=contacts.get(one.row["id"]),
            userid=UserId(one.row["assigned_userid"]),
            stage_id=watch.stage_id or None,
            since=one.since.isoformat(),
            source=one.last.source.value if one.last else None,
            days=watch.days[0],
            number=one.number,
        )
        for one in due
    ]
    return Page(facts, _cursor(seen, limit))


def _find_and_hold(connection: Connection, tenant_id: TenantId, find: _Find) -> _Found:
    """A page, and those of it of whom it is time to tell also once nobody else changes them (STG-2)."""
    seen, due = find(None)
    if not due:
        return seen, due
    ids = [one.row["id"] for one in due]
    lock_customers(connection, tenant_id, [CustomerId(one) for one in ids])
    return seen, find(ids)[1]


def _rows(
    connection: Connection,
    tenant: Tenant,
    page: str,
    watch: Watch,
    day: date,
    *,
    after: int,
    ids: Collection[int] | None,
    limit: int,
) -> Sequence[Row]:
    # Whoever came later than this is not due, whatever was told: most of a large stage is not even read.
    before = begin_of(day - timedelta(days=watch.days[0] - 1), ZoneInfo(tenant.timezone))
    return fetch_all(
        connection,
        page.format(which="> :after" if ids is None else "= any(:ids)") + LOOK_UP,
        tenant_id=tenant.id,
        kind=watch.kind,
        stage_id=watch.stage_id,
        after=after,
        ids=list(ids or ()),
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


def _due_of_silence(connection: Connection, rows: Sequence[Row], tenant: Tenant, watch: Watch, day: date) -> list[_Due]:
    """Counted from the last contact, where it came after they became the associate's."""
    last = last_contacts(connection, tenant.id, [CustomerId(row["id"]) for row in rows])
    counted = {
        row["id"]: last[row["id"]] for row in rows if row["id"] in last and last[row["id"]].at > row["assigned_at"]
    }
    since_of = {row["id"]: counted[row["id"]].at if row["id"] in counted else row["assigned_at"] for row in rows}
    return [replace(one, last=counted.get(one.row["id"])) for one in _due(rows, since_of, tenant, watch, day)]


def _due(rows: Sequence[Row], since_of: Mapping[int, datetime], tenant: Tenant, watch: Watch, day: date) -> list[_Due]:
    zone, found = ZoneInfo(tenant.timezone), []
    for row in rows:
        told = None if row["since"] is None else Told(row["since"], row["number"], row["told_on"])
        since = since_of[row["id"]]
        number = number_due(since, told, days=watch.days[0], every_days=watch.every_days, today=day, zone=zone)
        if number is not None:
            found.append(_Due(row, since, number))
    return found


def _note(
    connection: Connection, tenant_id: TenantId, watch: Watch, day: date, due: Sequence[_Due]
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
        rows=as_json([{"customer_id": one.row["id"], "since": one.since, "number": one.number} for one in due]),
    )
    rows = fetch_all(
        connection,
        "select customer_id, min(external_userid) as external_userid from external_contact "
        "where tenant_id = :tenant_id and customer_id = any(:ids) group by 1",
        tenant_id=tenant_id,
        ids=[one.row["id"] for one in due],
    )
    return {row["customer_id"]: ExternalUserId(row["external_userid"]) for row in rows}


def forget_silence(connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]) -> None:
    """What was told of these was taken back for a contact: should that be taken away again, it is told anew."""
    if customer_ids:
        run(
            connection,
            "delete from reminder_told where tenant_id = :tenant_id and kind = :kind and customer_id = any(:ids)",
            tenant_id=tenant_id,
            kind=CustomerNotContacted.TYPE,
            ids=list(customer_ids),
        )


def _assigned(row: Row) -> UserId | None:
    return None if row["assigned_userid"] is None else UserId(row["assigned_userid"])


def _cursor(rows: Sequence[Row], limit: int) -> int | None:
    return rows[-1]["id"] if len(rows) == limit else None
