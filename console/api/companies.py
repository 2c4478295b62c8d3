"""Companies that the retailer's CRM knows, and their customers (CUS-15)."""

from flask import Response

from console.api import cursors, keysets
from console.api.acting import Done, Work, read, write
from console.api.asked import PageQuery
from console.api.asked_companies import (
    CompaniesBody,
    CompaniesQuery,
    CompanyBody,
    CompanyDeleteQuery,
    CompanyPath,
    LinksBody,
    UnlinkIn,
)
from console.api.customers import identity_of
from console.api.routes import operation
from console.api.told_companies import (
    CompaniesOut,
    CompaniesPutOut,
    CompanyOut,
    CompanyPutOut,
    LinkOut,
    LinkOutcomeOut,
    LinksOut,
    LinksPutOut,
    PutOutcomeOut,
)
from console.api.told_persons import RemovedOut
from services.companies.model import Company, Details, NoCompanyError
from services.companies.putting import put_companies
from services.companies.store import load_known, page_companies, page_links
from services.joining.linking import Named, delete_company, link_customers
from services.persons.model import Identity
from shared.api_keys import Scope
from shared.ids import CompanyId, CustomerId

GROUP = "companies"


@operation("post", "/companies:upsert", Scope.COMPANIES_WRITE, CompaniesPutOut, group=GROUP, once=True)
def upsert_companies(body: CompaniesBody) -> Response:
    """Record the states of up to 1,000 companies, each as by itself."""
    companies = [_company(one.company_id, one) for one in body.companies]

    def work(work: Work) -> Done:
        put = put_companies(work.connection, work.tenant, companies, now=work.now)
        outcomes = zip(companies, put.outcomes, strict=True)
        shown = [PutOutcomeOut(company_id=one.company_id, outcome=outcome) for one, outcome in outcomes]
        return Done(CompaniesPutOut(companies=shown), 200, put.changes)

    return write(work, once=True)


@operation("put", "/companies/<company_id>", Scope.COMPANIES_WRITE, CompanyPutOut, also=201, group=GROUP)
def put_company(path: CompanyPath, body: CompanyBody) -> Response:
    """Record the state of a company, as often as you like; a late, older state changes nothing."""
    company = _company(path.company_id, body)

    def work(work: Work) -> Done:
        put = put_companies(work.connection, work.tenant, [company], now=work.now)
        (outcome,), stands = put.outcomes, put.standing[company.company_id].company
        answer = CompanyPutOut(outcome=outcome, company=_out(stands) if stands else None)
        return Done(answer, 201 if outcome == "made" else 200, put.changes)

    return write(work)


@operation("get", "/companies", Scope.COMPANIES_READ, CompaniesOut, group=GROUP, limited=True)
def list_companies(query: CompaniesQuery) -> Response:
    """List companies in the order of their ids, all or those with a part in their name."""
    place = keysets.decode(query.cursor, [str])
    after = str(place[0]) if place else None

    def work(work: Work) -> CompaniesOut:
        found = page_companies(work.connection, work.tenant, name=query.name, after=after, limit=query.limit + 1)
        shown = found[: query.limit]
        more = len(found) > len(shown)
        return CompaniesOut(
            companies=[_out(one) for one in shown], next_cursor=keysets.encode(shown[-1].company_id) if more else None
        )

    return read(work)


@operation("get", "/companies/<company_id>", Scope.COMPANIES_READ, CompanyOut, group=GROUP, limited=True)
def show_company(path: CompanyPath) -> Response:
    """Show a company."""
    return read(lambda work: _out(_standing(work, path.company_id)))


@operation("delete", "/companies/<company_id>", Scope.COMPANIES_WRITE, RemovedOut, group=GROUP)
def remove_company(path: CompanyPath, query: CompanyDeleteQuery) -> Response:
    """Delete a company of up to 1,000 customers, who are unlinked; `removed` is false where something newer stands.

    States and links that are older than the deletion change nothing, whenever they arrive.
    """

    def work(work: Work) -> Done:
        company_id = CompanyId(path.company_id)
        done = delete_company(work.connection, work.tenant, company_id, updated_at=query.updated_at, now=work.now)
        if done is None:
            return Done(RemovedOut(removed=False))
        return Done(RemovedOut(removed=True), 200, done.changes, done.facts)

    return write(work)


@operation("post", "/companies/<company_id>/customers", Scope.COMPANIES_WRITE, LinksPutOut, group=GROUP, once=True)
def link_company_customers(path: CompanyPath, body: LinksBody) -> Response:
    """Link customers to a company, or unlink them, up to 1,000 at once; nobody else is touched.

    A word that is older than what is recorded of a customer and this company changes nothing.
    """
    named = [
        *(Named(_whose(one, f"/link/{n}"), linked=True, role=one.role) for n, one in enumerate(body.link)),
        *(Named(_whose(one, f"/unlink/{n}"), linked=False) for n, one in enumerate(body.unlink)),
    ]

    def work(work: Work) -> Done:
        company_id = CompanyId(path.company_id)
        done = link_customers(work.connection, work.tenant, company_id, named, updated_at=body.updated_at, now=work.now)
        shown = [LinkOutcomeOut(customer_id=one, outcome=outcome) for one, outcome in done.outcomes]
        return Done(LinksPutOut(company_id=company_id, customers=shown), 200, done.changes, done.facts)

    return write(work, once=True)


@operation("get", "/companies/<company_id>/customers", Scope.COMPANIES_READ, LinksOut, group=GROUP, limited=True)
def list_company_customers(path: CompanyPath, query: PageQuery) -> Response:
    """List the customers of a company, of those that the caller may see, in the order of their ids."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> LinksOut:
        company_id = _standing(work, path.company_id).company_id
        start = after.id if after else 0
        found = page_links(work.connection, work.tenant.id, company_id, after=start, limit=query.limit + 1)
        shown = found[: query.limit]
        return LinksOut(
            company_id=company_id,
            customers=[
                LinkOut(customer_id=one.customer_id, role=one.role, linked_at=one.linked_at, updated_at=one.updated_at)
                for one in shown
                if one.linked_at is not None
            ],
            next_cursor=cursors.encode(shown[-1].customer_id) if len(found) > len(shown) else None,
        )

    return read(work)


def _whose(told: UnlinkIn, place: str) -> CustomerId | Identity:
    if told.customer is not None:
        return identity_of(told.customer, place=f"{place}/customer")
    assert told.customer_id is not None
    return CustomerId(told.customer_id)


def _standing(work: Work, company_id: str) -> Company:
    """
    Raises:
        NoCompanyError
    """
    known = load_known(work.connection, work.tenant, [CompanyId(company_id)]).get(CompanyId(company_id))
    if known is None or known.company is None:
        raise NoCompanyError("there is no company with this id")
    return known.company


def _company(company_id: str, body: CompanyBody) -> Company:
    return Company(
        company_id=CompanyId(company_id),
        name=body.name,
        updated_at=body.updated_at,
        industry=body.industry,
        size=body.size,
        details=Details(**{name: getattr(body, name) for name in Details.__dataclass_fields__}),
    )


def _out(company: Company) -> CompanyOut:
    return CompanyOut(company_id=company.company_id, **company.values())
