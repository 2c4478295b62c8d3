"""Lists of the pool by keyset, and an associate's own list, searched by parts of names and numbers (POOL-2, POOL-8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import Connection

from services.finding.selection import Selection
from services.persons.model import PHONE
from services.persons.store import OWN, VALUE
from services.pool.model import Record, Status
from services.pool.store import read_record
from shared.db.engine import fetch_all
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

MOST_SEARCHED = 5000


@dataclass(frozen=True)
class PoolChoice:
    """Records by what the pool knows of them; all that is named must hold."""

    statuses: tuple[Status, ...] = ()
    userids: tuple[UserId, ...] = ()
    sources: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    department_ids: tuple[int, ...] = ()
    entered_from: datetime | None = None
    entered_before: datetime | None = None
    customer_ids: tuple[CustomerId, ...] | None = None


_LISTS = {
    "statuses": "p.status = any(:f_statuses)",
    "userids": "p.userid = any(:f_userids)",
    "sources": "p.source = any(:f_sources)",
    "reasons": "p.reason = any(:f_reasons)",
    "department_ids": "p.department_id = any(cast(:f_department_ids as bigint[]))",
    "customer_ids": "p.customer_id = any(cast(:f_customer_ids as bigint[]))",
}
_TIMES = {"entered_from": "p.created_at >= :f_entered_from", "entered_before": "p.created_at < :f_entered_before"}


def selection_of(tenant_id: TenantId, choice: PoolChoice) -> Selection:
    """The same as a SELECT: "all" means all that it finds, not a page."""
    conditions, parameters = ["p.tenant_id = :f_tenant_id"], dict[str, object](f_tenant_id=tenant_id)
    for name, condition in _LISTS.items():
        values = getattr(choice, name)
        if values or (name == "customer_ids" and values is not None):
            conditions.append(condition)
            parameters[f"f_{name}"] = [str(v) if isinstance(v, Status) else v for v in values]
    for name, condition in _TIMES.items():
        if getattr(choice, name) is not None:
            conditions.append(condition)
            parameters[f"f_{name}"] = getattr(choice, name)
    return Selection(f"select p.customer_id from pool_record p where {' and '.join(conditions)}", parameters)  # noqa: S608


@dataclass(frozen=True)
class Person:
    """A record with who it is about."""

    record: Record
    real_name: str | None = field(repr=False)
    company: str | None = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)


def list_pool(
    connection: Connection, tenant: Tenant, choice: PoolChoice, *, after: CustomerId | None, limit: int
) -> list[Person]:
    """A page in the order of customers' ids."""
    chosen = selection_of(tenant.id, choice)
    rows = fetch_all(
        connection,
        f"select p.* from pool_record p where p.tenant_id = :tenant_id and p.customer_id in ({chosen.sql}) "  # noqa: S608
        "and p.customer_id > :after order by p.customer_id limit :limit",
        tenant_id=tenant.id,
        after=after or 0,
        limit=limit,
        **chosen.parameters,
    )
    return _persons(connection, tenant, [read_record(row, tenant) for row in rows])


def count_pool(connection: Connection, tenant_id: TenantId) -> dict[Status, int]:
    """How many stand how."""
    rows = fetch_all(
        connection,
        "select status, count(*) as n from pool_record where tenant_id = :tenant_id group by status",
        tenant_id=tenant_id,
    )
    return dict.fromkeys(Status, 0) | {Status(row["status"]): row["n"] for row in rows}


def customers_to_add(connection: Connection, tenant: Tenant, userid: UserId, *, part: str | None) -> list[Person]:
    """Whom an associate is to add, newest first; with `part`, those in whose name or phone it occurs.

    Names and numbers are encrypted, so they are looked through in memory: the newest 5,000 at most.
    """
    rows = fetch_all(
        connection,
        "select * from pool_record where tenant_id = :tenant_id and userid = :userid and status = 'assigned' "
        "order by status_at desc, customer_id limit :limit",
        tenant_id=tenant.id,
        userid=userid,
        limit=MOST_SEARCHED,
    )
    found = _persons(connection, tenant, [read_record(row, tenant) for row in rows])
    return [one for one in found if part is None or _fits(one, part)]


def _fits(person: Person, part: str) -> bool:
    word, digits = part.strip().casefold(), "".join(c for c in part if c.isdigit())
    named = word in (person.real_name or "").casefold()
    return named or (len(digits) >= 3 and any(digits in phone for phone in person.phones))


def _persons(connection: Connection, tenant: Tenant, records: Sequence[Record]) -> list[Person]:
    ids = [one.customer_id for one in records]
    own = _own(connection, tenant, ids)
    phones = _phones(connection, tenant, ids)
    return [
        Person(
            one,
            real_name=own.get(one.customer_id, {}).get("real_name"),
            company=own.get(one.customer_id, {}).get("company"),
            phones=tuple(phones.get(one.customer_id, ())),
        )
        for one in records
    ]


def _own(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> Mapping[CustomerId, dict[str, str]]:
    rows = fetch_all(
        connection,
        "select id, own from customer where tenant_id = :tenant_id and id = any(:ids) and own is not null",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    return {CustomerId(row["id"]): orjson.loads(tenant.cipher.decrypt(row["own"], OWN)) for row in rows}


def _phones(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> Mapping[CustomerId, list[str]]:
    rows = fetch_all(
        connection,
        "select customer_id, value from identity where tenant_id = :tenant_id and kind = :kind "
        "and customer_id = any(:ids) order by customer_id, verified desc, created_at",
        tenant_id=tenant.id,
        kind=PHONE,
        ids=list(ids),
    )
    found: dict[CustomerId, list[str]] = {}
    for row in rows:
        phone = tenant.cipher.decrypt(row["value"], VALUE).decode()
        found.setdefault(CustomerId(row["customer_id"]), []).append(phone)
    return found
