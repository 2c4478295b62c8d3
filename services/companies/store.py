"""Rows of companies and of their links to customers.

Locks: companies first, then customers (services/joining/linking.py). Merges lock customers alone; they never wait for a
company. Who links holds the company against whoever deletes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import orjson
from sqlalchemy import Connection

from services.companies.model import Company, Details, Known, Link
from shared.db.engine import Row, as_json, fetch_all, run
from shared.grams import fold, pieces_of, pieces_sought
from shared.ids import CompanyId, CustomerId, TenantId
from shared.tenants import Tenant

DETAILS = "company.details"
LASTS = "l.linked_at is not null and l.ended_at is null"


def load_known(
    connection: Connection,
    tenant: Tenant,
    company_ids: Iterable[CompanyId],
    *,
    lock: Literal["", "for update", "for share"] = "",
) -> dict[CompanyId, Known]:
    """Also of companies that were deleted. `lock`: until the transaction ends; of rows that are there."""
    rows = fetch_all(
        connection,
        "select * from company where tenant_id = :tenant_id and company_id = any(:ids) "  # noqa: S608 - see Literal
        f"order by company_id {lock}",
        tenant_id=tenant.id,
        ids=sorted(set(company_ids)),
    )
    return {CompanyId(row["company_id"]): _known(tenant, row) for row in rows}


def _known(tenant: Tenant, row: Row) -> Known:
    return Known(None if row["deleted_at"] else _company(tenant, row), row["updated_at"], row["gone_at"])


def _company(tenant: Tenant, row: Row) -> Company:
    details = orjson.loads(tenant.cipher.decrypt(row["details"], DETAILS)) if row["details"] else {}
    return Company(
        company_id=CompanyId(row["company_id"]),
        name=row["name"],
        updated_at=row["updated_at"],
        industry=row["industry"],
        size=row["size"],
        details=Details(**details),
    )


def record_companies(
    connection: Connection, tenant: Tenant, companies: Iterable[Company], *, now: datetime
) -> set[CompanyId]:
    """The ids of those that were written; a newer state that somebody recorded meanwhile stands."""
    rows = [
        {
            "company_id": one.company_id,
            "name": one.name,
            "name_key": fold(one.name),
            "name_pieces": pieces_of(one.name),
            "industry": one.industry,
            "size": one.size,
            "details": tenant.cipher.encrypt(orjson.dumps(one.details), DETAILS),
            "updated_at": one.updated_at,
        }
        for one in sorted(companies, key=lambda company: company.company_id)
    ]
    written = fetch_all(
        connection,
        "insert into company as c (tenant_id, company_id, name, name_key, name_pieces, industry, size, details, "
        "updated_at, recorded_at) select :tenant_id, company_id, name, name_key, name_pieces, industry, size, details, "
        "updated_at, :now from jsonb_to_recordset(cast(:rows as jsonb)) as r(company_id text, name text, "
        "name_key text, name_pieces text[], industry text, size text, details bytea, updated_at timestamptz) "
        "on conflict (tenant_id, company_id) do update set name = excluded.name, name_key = excluded.name_key, "
        "name_pieces = excluded.name_pieces, industry = excluded.industry, size = excluded.size, "
        "details = excluded.details, updated_at = excluded.updated_at, recorded_at = excluded.recorded_at, "
        "deleted_at = null where c.updated_at <= excluded.updated_at returning company_id",
        tenant_id=tenant.id,
        now=now,
        rows=as_json(rows),
    )
    return {CompanyId(row["company_id"]) for row in written}


def record_deleted(
    connection: Connection, tenant_id: TenantId, company_id: CompanyId, *, updated_at: datetime, now: datetime
) -> None:
    """What is left of it is its id, and the CRM's time of its end."""
    run(
        connection,
        "update company set name = '', name_key = '', name_pieces = '{}', industry = null, size = null, "
        "details = null, updated_at = :updated_at, recorded_at = :now, deleted_at = :now, gone_at = :updated_at "
        "where tenant_id = :tenant_id and company_id = :id",
        tenant_id=tenant_id,
        id=company_id,
        updated_at=updated_at,
        now=now,
    )


def page_companies(
    connection: Connection, tenant: Tenant, *, name: str | None, after: str | None, limit: int
) -> list[Company]:
    """In the order of their ids. `name`: a part of it; width and case make no difference."""
    named = "and name_pieces @> cast(:pieces as text[]) and strpos(name_key, :needle) > 0 " if name else ""
    sought = {"pieces": pieces_sought(name), "needle": fold(name)} if name else {}
    rows = fetch_all(
        connection,
        "select * from company where tenant_id = :tenant_id and deleted_at is null "  # noqa: S608 - constants
        f"and (cast(:after as text) is null or company_id > :after) {named}order by company_id limit :limit",
        tenant_id=tenant.id,
        after=after,
        limit=limit,
        **sought,
    )
    return [_company(tenant, row) for row in rows]


def load_links(
    connection: Connection, tenant_id: TenantId, company_id: CompanyId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Link]:
    """The newest word about each, whether there is a link or not."""
    rows = fetch_all(
        connection,
        "select * from company_customer where tenant_id = :tenant_id and company_id = :company_id "
        "and customer_id = any(:ids)",
        tenant_id=tenant_id,
        company_id=company_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["customer_id"]): _link(row) for row in rows}


def page_links(
    connection: Connection, tenant_id: TenantId, company_id: CompanyId, *, after: int = 0, limit: int
) -> list[Link]:
    """Links that last, in the order of the customers' ids."""
    rows = fetch_all(
        connection,
        "select l.* from company_customer l where l.tenant_id = :tenant_id and l.company_id = :company_id "  # noqa: S608
        f"and l.customer_id > :after and {LASTS} order by l.customer_id limit :limit",
        tenant_id=tenant_id,
        company_id=company_id,
        after=after,
        limit=limit,
    )
    return [_link(row) for row in rows]


def _link(row: Row) -> Link:
    return Link(**{name: row[name] for name in Link.__dataclass_fields__})


def count_companies(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> Mapping[CustomerId, int]:
    rows = fetch_all(
        connection,
        "select l.customer_id, count(*) as n from company_customer l where l.tenant_id = :tenant_id "  # noqa: S608
        f"and l.customer_id = any(:ids) and {LASTS} group by 1",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["customer_id"]): row["n"] for row in rows}


def record_links(connection: Connection, tenant_id: TenantId, links: Sequence[Link]) -> None:
    """The caller has locked the customers."""
    if not links:
        return
    run(
        connection,
        "insert into company_customer (tenant_id, company_id, customer_id, role, updated_at, linked_at, ended_at) "
        "select :tenant_id, company_id, customer_id, role, updated_at, linked_at, ended_at "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(company_id text, customer_id bigint, role text, "
        "updated_at timestamptz, linked_at timestamptz, ended_at timestamptz) "
        "on conflict (tenant_id, company_id, customer_id) do update set role = excluded.role, "
        "updated_at = excluded.updated_at, linked_at = excluded.linked_at, ended_at = excluded.ended_at",
        tenant_id=tenant_id,
        rows=as_json(sorted((one.__dict__ for one in links), key=lambda row: row["customer_id"])),
    )


def end_links(
    connection: Connection, tenant_id: TenantId, company_ids: Iterable[CompanyId], *, updated_at: datetime, at: datetime
) -> list[CustomerId]:
    """Nobody belongs to these companies any more; who did."""
    rows = fetch_all(
        connection,
        "update company_customer l set ended_at = :at, updated_at = greatest(updated_at, :updated_at) "  # noqa: S608
        f"where l.tenant_id = :tenant_id and l.company_id = any(:ids) and {LASTS} returning l.customer_id",
        tenant_id=tenant_id,
        ids=sorted(set(company_ids)),
        updated_at=updated_at,
        at=at,
    )
    return sorted(CustomerId(row["customer_id"]) for row in rows)
