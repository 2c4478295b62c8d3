"""Deleted local tags leave customers' rows, a page at a time. Nobody reads them any more by then; cards still do."""

from datetime import datetime

from sqlalchemy import Connection

from services.chosen import lock_page, touch
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId

PAGE = 10_000


def next_deleted(connection: Connection, tenant_id: TenantId) -> int | None:
    """A deleted tag that customers still carry."""
    row = fetch_one(
        connection,
        "select t.id from local_tag t where t.tenant_id = :tenant_id and t.deleted_at is not null and exists "
        "(select from customer_tag c where c.tenant_id = t.tenant_id and c.tag_id = t.id) order by t.id limit 1",
        tenant_id=tenant_id,
    )
    return row["id"] if row else None


def take_off(connection: Connection, tenant_id: TenantId, tag_id: int, *, now: datetime, limit: int = PAGE) -> int:
    """Take a deleted tag off the next customers; how many. Customers are locked first, as when tags are given."""
    page = fetch_all(
        connection,
        "select customer_id as id from customer_tag where tenant_id = :tenant_id and tag_id = :tag_id "
        "order by customer_id limit :limit",
        tenant_id=tenant_id,
        tag_id=tag_id,
        limit=limit,
    )
    ids = [CustomerId(row["id"]) for row in page]
    locked = lock_page(connection, tenant_id, ids)
    run(
        connection,
        "delete from customer_tag where tenant_id = :tenant_id and tag_id = :tag_id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        tag_id=tag_id,
        ids=ids,
    )
    touch(connection, tenant_id, locked, now=now)
    return len(ids)
