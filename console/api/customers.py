"""Customers: found or made, listed, shown, with their identities."""

from datetime import timedelta

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import (
    CustomerPath,
    CustomersQuery,
    EditBody,
    IdentityIn,
    IdentityPath,
    PoolIn,
    UpsertBody,
    VerifiedBody,
)
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.sheets import customer_out, identity_out
from console.api.told import CustomerOut, CustomerRowOut, CustomersOut, IdentitiesOut, UpsertedOut
from console.api.viewing import viewer
from console.desk import desk
from services.joining.join import Joined, NoCustomerError, attach, detach, edit_own, join
from services.persons.listing import Filter, list_customers
from services.persons.model import Identity, IdentityError, Key, make_identity
from services.persons.store import key_of, load_identities, load_own, standing_for
from services.planning import Fact
from services.pool.entering import enter
from services.pool.model import Act, Entry
from services.pool.plan import source_of_push
from services.sheets.store import Sheet, load_sheet
from shared.api_keys import Scope
from shared.ids import CustomerId

GROUP = "customers"
LONGEST_COMMIT = timedelta(minutes=1)
"""A change's time is taken before its commit; no transaction of ours lasts so long."""


def identity_of(given: IdentityIn, *, place: str) -> Identity:
    """
    Raises:
        ProblemError: names the field, not the value.
    """
    verified = given.verified and caller().may_verify
    if given.verified and not verified:
        why = "this key may not call anything verified: make one with `guanxi api-key add --may-verify`"
        raise ProblemError(403, "may-not-verify", why, errors=[(f"{place}/verified", why)])
    try:
        region = desk().runtime.settings.phone_region
        return make_identity(given.kind, given.value, region=region, verified=verified)
    except IdentityError as error:
        raise ProblemError(422, "invalid", "no such identity", errors=[(f"{place}/value", str(error))]) from None


def sheet_of(work: Work, customer_id: int) -> Sheet:
    sheet = load_sheet(work.connection, work.tenant, CustomerId(customer_id), viewer=viewer())
    if sheet is None:
        raise NoCustomerError("no such customer")
    return sheet


@operation("post", "/customers:upsert", Scope.CUSTOMERS_WRITE, UpsertedOut, also=201, group=GROUP, once=True)
def upsert_customer(body: UpsertBody) -> Response:
    """Find a person by any of their identities, or make them; add what they lack, and set own fields.

    Several records that turn out to be one person are joined. 409 with the ids when the identities contradict.
    """
    identities = [identity_of(one, place=f"/identities/{n}") for n, one in enumerate(body.identities)]
    own = body.fields.model_dump(mode="json", exclude_unset=True)

    def work(work: Work) -> Done:
        joined = join(work.connection, work.tenant, identities, own, now=work.now, by=caller().actor)
        entered = _enter_pool(work, joined, body)
        answer = UpsertedOut(
            made=joined.made,
            merged_ids=list(joined.merged),
            customer=customer_out(sheet_of(work, joined.customer_id)),
        )
        return Done(answer, 201 if joined.made else 200, joined.changes, (*joined.facts, *entered))

    return write(work, once=True)


def _enter_pool(work: Work, joined: Joined, body: UpsertBody) -> tuple[Fact, ...]:
    """Whom a shop or mini-program tells of first waits for an associate, unless the body says otherwise."""
    told = body.pool or PoolIn()
    kinds = [one.kind for one in body.identities]
    source = source_of_push(
        kinds, made=joined.made, asked=None if body.pool is None else told.enter, source=told.source
    )
    if source is None:
        return ()
    entry = Entry(joined.customer_id, source, told.department_id)
    return enter(work.connection, work.tenant, [entry], Act("entered", caller().actor, work.now)).facts


@operation("get", "/customers", Scope.CUSTOMERS_READ, CustomersOut, group=GROUP, limited=True)
def list_all_customers(query: CustomersQuery) -> Response:
    """List customers, a page at a time, by any of the filters."""
    by_time = query.updated_since is not None
    after = cursors.decode(query.cursor, by_time=by_time)

    def work(work: Work) -> CustomersOut:
        chosen = Filter(query.updated_since, query.assigned_userid, query.standing, _sought(query, work))
        rows = list_customers(work.connection, work.tenant.id, chosen, after=after, limit=query.limit + 1)
        shown = rows[: query.limit]
        own = load_own(work.connection, work.tenant, [CustomerId(row["id"]) for row in shown])
        last = shown[-1] if len(rows) > len(shown) else None
        return CustomersOut(
            customers=[
                CustomerRowOut(
                    **{**row, "external_userids": row["external_userids"] or []},
                    real_name=own[row["id"]].get("real_name"),
                )
                for row in shown
            ],
            next_cursor=cursors.encode(last["id"], last["updated_at"] if by_time else None) if last else None,
            complete_until=work.now - LONGEST_COMMIT,
        )

    return read(work)


def _sought(query: CustomersQuery, work: Work) -> Key | None:
    if query.identity_kind is None or query.identity_value is None:
        return None
    given = IdentityIn(kind=query.identity_kind, value=query.identity_value)
    return key_of(work.tenant, identity_of(given, place="query/identity"))


@operation("get", "/customers/<id>", Scope.CUSTOMERS_READ, CustomerOut, group=GROUP, limited=True)
def show_customer(path: CustomerPath) -> Response:
    """Show one customer; the id of a record that was merged leads to what it was merged into."""
    return read(lambda work: customer_out(sheet_of(work, path.id)))


@operation("patch", "/customers/<id>", Scope.CUSTOMERS_WRITE, CustomerOut, group=GROUP, once=True, limited=True)
def edit_customer(path: CustomerPath, body: EditBody) -> Response:
    """Change own fields and custom fields of one customer: what is absent stays, null empties.

    422 names each custom field that cannot be so; one that is required cannot be emptied (CUS-5).
    """
    own = body.fields.model_dump(mode="json", exclude_unset=True)

    def work(work: Work) -> Done:
        master, changes = edit_own(work.connection, work.tenant, CustomerId(path.id), own, now=work.now)
        return Done(customer_out(sheet_of(work, master)), 200, tuple(changes))

    return write(work, once=True)


@operation("get", "/customers/<id>/identities", Scope.CUSTOMERS_READ, IdentitiesOut, group=GROUP, limited=True)
def list_identities(path: CustomerPath) -> Response:
    """List the identities of a customer, those from WeCom among them."""
    return read(lambda work: _identities(work, path.id))


@operation("put", "/customers/<id>/identities/<kind>/<path:value>", Scope.CUSTOMERS_WRITE, IdentitiesOut, group=GROUP)
def put_identity(path: IdentityPath, body: VerifiedBody) -> Response:
    """Give a customer one more identity. 409 when another customer has it: an upsert with both joins them."""
    given = IdentityIn(kind=path.kind, value=path.value, verified=body.verified)
    identity = identity_of(given, place="path")

    def work(work: Work) -> Done:
        changes = attach(work.connection, work.tenant, CustomerId(path.id), identity, now=work.now)
        return Done(_identities(work, path.id), 200, tuple(changes))

    return write(work)


@operation(
    "delete", "/customers/<id>/identities/<kind>/<path:value>", Scope.CUSTOMERS_WRITE, IdentitiesOut, group=GROUP
)
def delete_identity(path: IdentityPath) -> Response:
    """Take an identity away from a customer. 409 for those that WeCom shows."""
    identity = identity_of(IdentityIn(kind=path.kind, value=path.value), place="path")

    def work(work: Work) -> Done:
        changes = detach(work.connection, work.tenant, CustomerId(path.id), identity, now=work.now)
        return Done(_identities(work, path.id), 200, tuple(changes))

    return write(work)


def _identities(work: Work, customer_id: int) -> IdentitiesOut:
    master = standing_for(work.connection, work.tenant.id, CustomerId(customer_id))
    if master is None:
        raise NoCustomerError("no such customer")
    held = load_identities(work.connection, work.tenant, master)
    return IdentitiesOut(customer_id=master, identities=[identity_out(one) for one in held])
