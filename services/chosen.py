"""The customers that a change is for: pages of a selection, in the order of ids, whose rows are then locked.

One order of locks for everybody who changes what hangs on customers: customers by id, then the rows that hang on them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.finding.selection import Selection
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId

PAGE = 2_000
"""Customers in one transaction: what a fact names, and how long their rows are locked, stay small."""


def these(tenant_id: TenantId, customer_ids: Iterable[int]) -> Selection:
    """The customers with these ids; merged ones as what they were merged into, unknown ones left out."""
    return Selection(
        "select distinct coalesce(u.merged_into, u.id) as customer_id from customer u "
        "where u.tenant_id = :f_tenant_id and u.id = any(:f_ids)",
        {"f_tenant_id": tenant_id, "f_ids": sorted(set(customer_ids))},
    )


def load_page(connection: Connection, chosen: Selection, *, after: int, limit: int) -> list[CustomerId]:
    """The next customers; fewer than `limit` are the last."""
    rows = fetch_all(
        connection,
        f"select customer_id from ({chosen.sql}) as chosen where customer_id > :after "  # noqa: S608 - a selection
        "order by customer_id limit :limit",
        after=after,
        limit=limit,
        **chosen.parameters,
    )
    return [CustomerId(row["customer_id"]) for row in rows]


def lock_page(connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId]) -> list[CustomerId]:
    """Those who (still) stand for themselves, locked until the transaction ends.

    Who only points at them need not wait.
    """
    rows = fetch_all(
        connection,
        "select id from customer where tenant_id = :tenant_id and id = any(:ids) and merged_into is null order by id "
        "for no key update",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    return [CustomerId(row["id"]) for row in rows]


def touch(connection: Connection, tenant_id: TenantId, ids: Iterable[CustomerId], *, now: datetime) -> None:
    """Something that is shown of these customers, who are locked, has changed."""
    if touched := sorted(set(ids)):
        run(
            connection,
            "update customer set updated_at = :now where tenant_id = :tenant_id and id = any(:ids) "
            "and updated_at < :now",
            tenant_id=tenant_id,
            ids=touched,
            now=now,
        )
