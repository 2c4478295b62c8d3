"""Rows of the blacklist. Reasons are people's words, so they are encrypted.

Whatever approaches customers by itself (automatic assignment, reminders, broadcasts) leaves out whom `is_blacklisted`
or `blacklisted_among` names; set-based SQL joins `blacklist_entry` where `ended_at is null`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.blacklist.model import Entry
from services.chosen import PAGE, load_page, lock_page, touch
from services.finding.selection import Selection
from shared.db.engine import Row, as_json, fetch_all, fetch_one
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

REASON, END_REASON = "blacklist_entry.reason", "blacklist_entry.end_reason"
"""Encryption contexts."""


def is_blacklisted(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> bool:
    return bool(blacklisted_among(connection, tenant_id, [customer_id]))


def blacklisted_among(connection: Connection, tenant_id: TenantId, customer_ids: Iterable[int]) -> set[CustomerId]:
    """Those of the ids that are on the list, merged ones by what they were merged into."""
    rows = fetch_all(
        connection,
        "select u.id from customer u where u.tenant_id = :tenant_id and u.id = any(:ids) and exists "
        "(select from blacklist_entry b where b.tenant_id = u.tenant_id "
        "and b.customer_id = coalesce(u.merged_into, u.id) and b.ended_at is null)",
        tenant_id=tenant_id,
        ids=sorted(set(customer_ids)),
    )
    return {CustomerId(row["id"]) for row in rows}


def record_added(
    connection: Connection,
    tenant: Tenant,
    chosen: Selection,
    reason: str,
    *,
    after: int = 0,
    limit: int = PAGE,
    by: str,
    now: datetime,
) -> tuple[list[tuple[CustomerId, int]], CustomerId | None]:
    """Put the next chosen customers on the list: who was not on it, with the new entry; and where to go on, if at all.

    Whoever is on it stays as they are. Done again after a crash, it lists nobody twice.
    """
    page = load_page(connection, chosen, after=after, limit=limit)
    standing = lock_page(connection, tenant.id, page)
    encrypted = _reasons(tenant, standing, reason, REASON)
    rows = fetch_all(
        connection,
        "with made as (insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by) "
        "select :tenant_id, customer_id, reason, :now, :by from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r(customer_id bigint, reason bytea) order by customer_id on conflict (tenant_id, customer_id) "
        "where ended_at is null do nothing returning id, customer_id) select * from made order by customer_id",
        tenant_id=tenant.id,
        rows=as_json(encrypted),
        by=by,
        now=now,
    )
    touch(connection, tenant.id, [row["customer_id"] for row in rows], now=now)
    made = [(CustomerId(row["customer_id"]), int(row["id"])) for row in rows]
    return made, page[-1] if len(page) == limit else None


def record_reason(connection: Connection, tenant: Tenant, entry_id: int, reason: str, *, now: datetime) -> None:
    """Another reason for an entry that is open."""
    rows = fetch_all(
        connection,
        "update blacklist_entry set reason = :reason where tenant_id = :tenant_id and id = :id and ended_at is null "
        "returning customer_id",
        tenant_id=tenant.id,
        id=entry_id,
        reason=tenant.cipher.encrypt(reason.encode(), REASON),
    )
    touch(connection, tenant.id, [row["customer_id"] for row in rows], now=now)


def record_ended(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, reason: str, *, by: str, now: datetime
) -> int | None:
    """Take a customer, who is locked, off the list: the entry that ended; None: they were not on it."""
    row = fetch_one(
        connection,
        "update blacklist_entry set ended_at = :now, ended_by = :by, end_reason = :reason "
        "where tenant_id = :tenant_id and customer_id = :id and ended_at is null returning id",
        tenant_id=tenant.id,
        id=customer_id,
        by=by,
        reason=tenant.cipher.encrypt(reason.encode(), END_REASON),
        now=now,
    )
    if row is None:
        return None
    touch(connection, tenant.id, [customer_id], now=now)
    return int(row["id"])


def record_many_ended(
    connection: Connection,
    tenant: Tenant,
    customer_ids: Sequence[CustomerId],
    reason: str,
    *,
    by: str,
    now: datetime,
) -> list[tuple[CustomerId, int]]:
    """Take customers, who are locked, off the list: those who were on it, with the entry that ended."""
    rows = fetch_all(
        connection,
        "update blacklist_entry b set ended_at = :now, ended_by = :by, end_reason = r.reason "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, reason bytea) "
        "where b.tenant_id = :tenant_id and b.customer_id = r.customer_id and b.ended_at is null "
        "returning b.customer_id, b.id",
        tenant_id=tenant.id,
        by=by,
        rows=as_json(_reasons(tenant, customer_ids, reason, END_REASON)),
        now=now,
    )
    ended = sorted((CustomerId(row["customer_id"]), int(row["id"])) for row in rows)
    touch(connection, tenant.id, [one for one, _ in ended], now=now)
    return ended


def _reasons(tenant: Tenant, customer_ids: Sequence[CustomerId], reason: str, context: str) -> list[dict[str, object]]:
    """Each with a nonce of its own: equal reasons are not seen to be equal."""
    return [{"customer_id": one, "reason": tenant.cipher.encrypt(reason.encode(), context)} for one in customer_ids]


def load_entries(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> list[Entry]:
    """All entries of a customer, newest first."""
    rows = fetch_all(
        connection,
        "select * from blacklist_entry where tenant_id = :tenant_id and customer_id = :id order by id desc limit 1000",
        tenant_id=tenant.id,
        id=customer_id,
    )
    return [_entry(row, tenant) for row in rows]


def load_open(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> Entry | None:
    return load_open_of(connection, tenant, [customer_id]).get(customer_id)


def load_open_of(connection: Connection, tenant: Tenant, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Entry]:
    """The entries of those who are on the list."""
    rows = fetch_all(
        connection,
        "select * from blacklist_entry where tenant_id = :tenant_id and customer_id = any(:ids) and ended_at is null",
        tenant_id=tenant.id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["customer_id"]): _entry(row, tenant) for row in rows}


def page_entries(connection: Connection, tenant: Tenant, *, ended: bool, before: int | None, limit: int) -> list[Entry]:
    """The blacklist, or what has ended of it, newest first; `before`: an entry's id."""
    rows = fetch_all(
        connection,
        "select * from blacklist_entry where tenant_id = :tenant_id and (ended_at is not null) = :ended "
        "and id < :before order by id desc limit :limit",
        tenant_id=tenant.id,
        ended=ended,
        before=2**63 - 1 if before is None else before,
        limit=limit,
    )
    return [_entry(row, tenant) for row in rows]


def _entry(row: Row, tenant: Tenant) -> Entry:
    opened = {
        name: None if row[name] is None else tenant.cipher.decrypt(row[name], context).decode()
        for name, context in (("reason", REASON), ("end_reason", END_REASON))
    }
    others = {name: row[name] for name in Entry.__dataclass_fields__ if name not in opened}
    return Entry(**others, **opened)  # type: ignore[arg-type]  # a reason is never null
