"""The retailer's CRM says which customers belong to a company, and that a company is no more (CUS-15).

Locks: the company, then the customers by id. A merge, which locks customers alone, never waits for a company.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from services.companies.model import (
    COMPANY,
    MOST_LINKS,
    CompanyRefusedError,
    CustomerLinkedToCompany,
    CustomerUnlinkedFromCompany,
    LinkOutcome,
    NoCompanyError,
    Wish,
)
from services.companies.plan import plan_links
from services.companies.store import (
    count_companies,
    end_links,
    load_known,
    load_links,
    page_links,
    record_deleted,
    record_links,
)
from services.persons.model import Identity
from services.persons.plan import likeliest
from services.persons.store import find_customers, key_of, lock_customers, touch
from services.planning import Fact
from shared.audit import Change
from shared.ids import CompanyId, CustomerId, TenantId
from shared.tenants import Tenant

Unfound = Literal["unknown_customer", "ambiguous_customer"]


@dataclass(frozen=True)
class Named:
    """A customer as the CRM names them: by our id or by an identity; and what it says of them."""

    whose: CustomerId | Identity
    linked: bool
    role: str | None = None


@dataclass(frozen=True)
class Linked:
    """`outcomes`: for each in its order who it is, if anybody, and what became of it."""

    outcomes: tuple[tuple[CustomerId | None, LinkOutcome | Unfound], ...]
    facts: tuple[Fact, ...]
    changes: tuple[Change, ...]


def link_customers(
    connection: Connection,
    tenant: Tenant,
    company_id: CompanyId,
    named: Sequence[Named],
    *,
    updated_at: datetime,
    now: datetime,
) -> Linked:
    """Link and unlink what is said of each, unless something newer was said of the same customer and company.

    Raises:
        NoCompanyError: the CRM puts the company first; nothing is written.
    """
    known = load_known(connection, tenant, [company_id], lock="for share").get(company_id)
    if known is None or known.company is None:
        raise NoCompanyError("there is no company with this id: put it first")
    found = _find(connection, tenant, named)
    wishes = [Wish(one, told.linked, told.role) for one, told in zip(found, named, strict=True) if isinstance(one, int)]
    ids = [one.customer_id for one in wishes]
    before = load_links(connection, tenant.id, company_id, ids)
    plan = plan_links(
        before,
        wishes,
        company_id=company_id,
        companies_count=count_companies(connection, tenant.id, ids),
        updated_at=updated_at,
        now=now,
        gone_at=known.gone_at,
    )
    record_links(connection, tenant.id, plan.written)
    linked, unlinked, changed = (plan.who(one, wishes) for one in ("linked", "unlinked", "changed"))
    touch(connection, tenant.id, [*linked, *unlinked, *changed], now=now)
    at, became = min(updated_at, now), iter(zip(ids, plan.outcomes, strict=True))
    roles = {wish.customer_id: wish.role for wish in reversed(wishes)}
    change = Change(
        "company.customers_changed",
        COMPANY,
        company_id,
        {"roles": {str(one): before[one].role for one in (*changed, *unlinked)}},
        {"linked": linked, "unlinked": unlinked, "roles": {str(one): roles[one] for one in (*linked, *changed)}},
    )
    return Linked(
        outcomes=tuple(next(became) if isinstance(one, int) else (None, one) for one in found),
        facts=(
            *(CustomerLinkedToCompany(occurred_at=at, customer_id=one, company_id=company_id) for one in linked),
            *(CustomerUnlinkedFromCompany(occurred_at=at, customer_id=one, company_id=company_id) for one in unlinked),
        ),
        changes=(change,) if linked or unlinked or changed else (),
    )


def _find(connection: Connection, tenant: Tenant, named: Sequence[Named]) -> list[CustomerId | Unfound]:
    """Who stands for each, locked until the transaction ends."""
    keys = {one.whose: key_of(tenant, one.whose) for one in named if isinstance(one.whose, Identity)}
    having = find_customers(connection, tenant.id, list(keys.values()))
    meant = [likeliest(having[keys[one.whose]]) if isinstance(one.whose, Identity) else [one.whose] for one in named]
    stands = lock_customers(connection, tenant.id, {ids[0] for ids in meant if len(ids) == 1})

    def who(ids: Sequence[CustomerId]) -> CustomerId | Unfound:
        if len(ids) > 1:
            return "ambiguous_customer"
        return stands[stands[ids[0]]] if ids and ids[0] in stands else "unknown_customer"

    return [who(ids) for ids in meant]


def delete_company(
    connection: Connection, tenant: Tenant, company_id: CompanyId, *, updated_at: datetime | None, now: datetime
) -> Linked | None:
    """Delete it, and unlink its customers. `updated_at`: the CRM's time of it, else now. None: something newer stands.

    Raises:
        NoCompanyError: there never was one.
        CompanyRefusedError: too many customers; nothing is written.
    """
    known = load_known(connection, tenant, [company_id], lock="for update").get(company_id)
    if known is None:
        raise NoCompanyError("there is no company with this id")
    when = max(now, known.updated_at) if updated_at is None else updated_at
    if known.company is None or when < known.updated_at:
        return None
    _lock_linked(connection, tenant.id, company_id)
    at = min(when, now)
    gone = end_links(connection, tenant.id, [company_id], updated_at=when, at=at)
    record_deleted(connection, tenant.id, company_id, updated_at=when, now=now)
    touch(connection, tenant.id, gone, now=now)
    change = Change("company.deleted", COMPANY, company_id, {"name": known.company.name}, {"unlinked": gone})
    facts = [CustomerUnlinkedFromCompany(occurred_at=at, customer_id=one, company_id=company_id) for one in gone]
    return Linked((), tuple(facts), (change,))


def _lock_linked(connection: Connection, tenant_id: TenantId, company_id: CompanyId) -> None:
    links = page_links(connection, tenant_id, company_id, limit=MOST_LINKS + 1)
    if len(links) > MOST_LINKS:
        raise CompanyRefusedError(
            f"this company has more than {MOST_LINKS:,} customers: unlink them first, up to {MOST_LINKS:,} at a time"
        )
    lock_customers(connection, tenant_id, [one.customer_id for one in links])
