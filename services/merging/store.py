"""Rows of merges: which there were, what each moved, and what the audit keeps of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.merging.model import Kept, Merge, Why
from shared.audit import DETAILS
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

CHILDREN = "customer"
"""As table of rows that a merge moved: records that were merged into the one that was."""
MOST_KEPT = 100


def add_merge(
    connection: Connection,
    tenant_id: TenantId,
    into: CustomerId,
    merged: CustomerId,
    *,
    why: Why,
    by: str,
    now: datetime,
) -> int:
    row = fetch_one(
        connection,
        "insert into customer_merge (tenant_id, into_id, merged_id, why, at, by_whom) "
        "values (:tenant_id, :into, :merged, :why, :now, :by) returning id",
        tenant_id=tenant_id,
        into=into,
        merged=merged,
        why=why,
        now=now,
        by=by,
    )
    assert row is not None
    return int(row["id"])


def lead_to(
    connection: Connection, tenant_id: TenantId, merge_id: int, merged: CustomerId, into: CustomerId, *, now: datetime
) -> None:
    """The record, and those that led to it, lead to `into` from now on."""
    run(
        connection,
        "with moved as (update customer set merged_into = :into, updated_at = :now where tenant_id = :tenant_id "
        "and merged_into = :merged returning id) insert into customer_merge_row (tenant_id, merge_id, table_name, "
        "row_key) select :tenant_id, :merge_id, :table, jsonb_build_object('id', id) from moved",
        tenant_id=tenant_id,
        merge_id=merge_id,
        table=CHILDREN,
        merged=merged,
        into=into,
        now=now,
    )
    run(
        connection,
        "update customer set merged_into = :into, updated_at = :now, own = null "
        "where tenant_id = :tenant_id and id = :merged",
        tenant_id=tenant_id,
        merged=merged,
        into=into,
        now=now,
    )


def stand_again(connection: Connection, tenant_id: TenantId, merge: Merge, *, by: str, now: datetime) -> None:
    """The opposite of `lead_to`, and the end of the merge."""
    run(
        connection,
        "update customer u set merged_into = :merged, updated_at = :now from customer_merge_row r "
        "where r.tenant_id = :tenant_id and r.merge_id = :merge_id and r.table_name = :table "
        "and u.tenant_id = :tenant_id and u.id = cast(r.row_key ->> 'id' as bigint) and u.merged_into = :into",
        tenant_id=tenant_id,
        merge_id=merge.id,
        table=CHILDREN,
        merged=merge.merged_id,
        into=merge.into_id,
        now=now,
    )
    run(
        connection,
        "update customer set merged_into = null, updated_at = :now where tenant_id = :tenant_id and id = :merged",
        tenant_id=tenant_id,
        merged=merge.merged_id,
        now=now,
    )
    run(
        connection,
        "update customer_merge set undone_at = :now, undone_by = :by where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=merge.id,
        now=now,
        by=by,
    )


def drop_rows(connection: Connection, tenant_id: TenantId, merge_id: int) -> tuple[list[Kept], int]:
    """What is left of a merge that is undone: a few of the rows that stay with the master, and how many they are."""
    rows = fetch_all(
        connection,
        "with gone as (delete from customer_merge_row where tenant_id = :tenant_id and merge_id = :id "
        "returning table_name, row_key) select table_name, row_key, count(*) over () as n from gone "
        "where table_name <> :children order by table_name, row_key limit :limit",
        tenant_id=tenant_id,
        id=merge_id,
        children=CHILDREN,
        limit=MOST_KEPT,
    )
    return [Kept(row["table_name"], row["row_key"]) for row in rows], rows[0]["n"] if rows else 0


def lock_contacts(connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]) -> list[str]:
    """Before the customers: a worker locks in this order."""
    rows = fetch_all(
        connection,
        "select external_userid from external_contact where tenant_id = :tenant_id and customer_id = any(:ids) "
        "order by external_userid for update",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return [row["external_userid"] for row in rows]


def load_merge(connection: Connection, tenant_id: TenantId, merge_id: int, *, lock: bool = False) -> Merge | None:
    row = fetch_one(
        connection,
        "select * from customer_merge where tenant_id = :tenant_id and id = :id" + (" for update" if lock else ""),  # noqa: S608
        tenant_id=tenant_id,
        id=merge_id,
    )
    return _merge(row) if row else None


def _merge(row: Row) -> Merge:
    return Merge(
        id=row["id"],
        into_id=CustomerId(row["into_id"]),
        merged_id=CustomerId(row["merged_id"]),
        why=row["why"],
        at=row["at"],
        by=row["by_whom"],
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
    )


def standing_merge_of(connection: Connection, tenant_id: TenantId, merged: CustomerId) -> Merge | None:
    """The merge by which this record leads to another one."""
    row = fetch_one(
        connection,
        "select * from customer_merge where tenant_id = :tenant_id and merged_id = :id and undone_at is null",
        tenant_id=tenant_id,
        id=merged,
    )
    return _merge(row) if row else None


def page_merges(
    connection: Connection, tenant_id: TenantId, into: Sequence[CustomerId], *, before: int | None, limit: int
) -> list[Merge]:
    """Merges into these records, newest first, undone ones too."""
    rows = fetch_all(
        connection,
        "select m.* from customer_merge m where m.tenant_id = :tenant_id and m.into_id = any(:ids) "
        "and (cast(:before as bigint) is null or m.id < :before) order by m.id desc limit :limit",
        tenant_id=tenant_id,
        ids=list(into),
        before=before,
        limit=limit,
    )
    return [_merge(row) for row in rows]


def later_merges(connection: Connection, tenant_id: TenantId, merge: Merge) -> list[Merge]:
    rows = fetch_all(
        connection,
        "select * from customer_merge where tenant_id = :tenant_id and into_id = :into and id > :id "
        "and undone_at is null order by id",
        tenant_id=tenant_id,
        into=merge.into_id,
        id=merge.id,
    )
    return [_merge(row) for row in rows]


def keys_that_go_back(connection: Connection, tenant_id: TenantId, merge_id: int) -> list[tuple[str, bytes]]:
    """Identities among the rows that a merge moved, as `lock_identities` takes them."""
    rows = fetch_all(
        connection,
        "select i.kind, i.hmac from customer_merge_row r join identity i on i.tenant_id = r.tenant_id "
        "and i.id = cast(r.row_key ->> 'id' as bigint) where r.tenant_id = :tenant_id and r.merge_id = :id "
        "and r.table_name = 'identity' union all select 'external_userid', "
        "convert_to(row_key ->> 'external_userid', 'UTF8') from customer_merge_row where tenant_id = :tenant_id "
        "and merge_id = :id and table_name = 'external_contact'",
        tenant_id=tenant_id,
        id=merge_id,
    )
    return [(row["kind"], bytes(row["hmac"])) for row in rows]


def load_audited(
    connection: Connection, tenant: Tenant, action: str, customer_id: CustomerId, merge_id: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """What the audit keeps of a merge, before and after; None when it is from before merges could be undone."""
    rows = fetch_all(
        connection,
        "select details from audit where tenant_id = :tenant_id and subject_kind = 'customer' and subject_key = :key "
        "and action = :action and details is not null order by at desc, id desc",
        tenant_id=tenant.id,
        key=str(customer_id),
        action=action,
    )
    for row in rows:
        details = orjson.loads(tenant.cipher.decrypt(row["details"], DETAILS))
        if details["after"].get("merge_id") == merge_id:
            return details["before"], details["after"]
    return None
