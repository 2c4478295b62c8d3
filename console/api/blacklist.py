"""The blacklist: who is not to be approached, why, and who asks (CUS-10)."""

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import CustomerPath
from console.api.asked_records import BlacklistQuery, CheckBody, ListBody, UnlistBody
from console.api.customers import identity_of
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_records import CheckedCustomerOut, CheckedIdentityOut, CheckedOut, EntriesOut, EntryOut
from services.blacklist.model import CustomerBlacklisted, CustomerUnblacklisted, Entry
from services.blacklist.store import (
    blacklisted_among,
    load_entries,
    load_open,
    page_entries,
    record_added,
    record_ended,
    record_reason,
)
from services.chosen import these
from services.joining.join import NoCustomerError, lock_customer
from services.persons.model import CUSTOMER, Identity
from services.persons.store import find_customers, key_of, standing_for
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

GROUP = "blacklist"


@operation("get", "/blacklist", Scope.BLACKLIST_READ, EntriesOut, group=GROUP, limited=True)
def list_blacklist(query: BlacklistQuery) -> Response:
    """List who is on the blacklist, newest first; or, with `ended`, who no longer is."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> EntriesOut:
        before = after.id if after else None
        found = page_entries(work.connection, work.tenant, ended=query.ended, before=before, limit=query.limit + 1)
        shown = found[: query.limit]
        more = cursors.encode(shown[-1].id) if len(found) > len(shown) else None
        return EntriesOut(entries=[_entry_out(one) for one in shown], next_cursor=more)

    return read(work)


@operation("post", "/blacklist:check", Scope.BLACKLIST_READ, CheckedOut, group=GROUP)
def check_blacklist(body: CheckBody) -> Response:
    """Say which of up to 1,000 ids and identities are on the blacklist; nothing is written. Unknown ones are not."""
    identities = [identity_of(one, place=f"/identities/{n}") for n, one in enumerate(body.identities)]

    def work(work: Work) -> CheckedOut:
        having = _having(work, identities)
        asked = {*body.customer_ids, *(one for ids in having for one in ids)}
        listed = blacklisted_among(work.connection, work.tenant.id, asked)
        return CheckedOut(
            customers=[
                CheckedCustomerOut(customer_id=one, blacklisted=CustomerId(one) in listed) for one in body.customer_ids
            ],
            identities=[
                CheckedIdentityOut(n=n, blacklisted=not listed.isdisjoint(ids)) for n, ids in enumerate(having)
            ],
        )

    return read(work)


def _having(work: Work, identities: list[Identity]) -> list[list[CustomerId]]:
    """Whoever has each of them, verified or not: one too many is left out rather than approached."""
    keys = [key_of(work.tenant, one) for one in identities]
    found = find_customers(work.connection, work.tenant.id, list(dict.fromkeys(keys)))
    return [list(found[key]) for key in keys]


@operation("put", "/customers/<id>/blacklist", Scope.BLACKLIST_WRITE, EntriesOut, also=201, group=GROUP, limited=True)
def blacklist_customer(path: CustomerPath, body: ListBody) -> Response:
    """Put a customer on the blacklist, with the reason; for one who is on it, another reason takes the place."""

    def work(work: Work) -> Done:
        master = lock_customer(work.connection, work.tenant, CustomerId(path.id))
        present = load_open(work.connection, work.tenant, master)
        if present is not None:
            return _other_reason(work, present, body.reason)
        chosen, actor = these(work.tenant.id, [master]), caller().actor
        made, _ = record_added(work.connection, work.tenant, chosen, body.reason, by=actor, now=work.now)
        change = Change("customer.blacklisted", CUSTOMER, str(master), after={"reason": body.reason})
        facts = tuple(CustomerBlacklisted(occurred_at=work.now, customer_id=who, entry_id=id_) for who, id_ in made)
        return Done(_history(work, master), 201, (change,), facts)

    return write(work)


def _other_reason(work: Work, present: Entry, reason: str) -> Done:
    if present.reason == reason:
        return Done(_history(work, present.customer_id), 200)
    record_reason(work.connection, work.tenant, present.id, reason, now=work.now)
    before, after = {"reason": present.reason}, {"reason": reason}
    change = Change("customer.blacklisted", CUSTOMER, str(present.customer_id), before, after)
    return Done(_history(work, present.customer_id), 200, (change,))


@operation("post", "/customers/<id>/blacklist/removal", Scope.BLACKLIST_WRITE, EntriesOut, group=GROUP, limited=True)
def unblacklist_customer(path: CustomerPath, body: UnlistBody) -> Response:
    """Take a customer off the blacklist, with the reason; nothing happens to one who is not on it."""

    def work(work: Work) -> Done:
        master = lock_customer(work.connection, work.tenant, CustomerId(path.id))
        ended = record_ended(work.connection, work.tenant, master, body.reason, by=caller().actor, now=work.now)
        if ended is None:
            return Done(_history(work, master), 200)
        change = Change("customer.unblacklisted", CUSTOMER, str(master), after={"reason": body.reason})
        fact = CustomerUnblacklisted(occurred_at=work.now, customer_id=master, entry_id=ended)
        return Done(_history(work, master), 200, (change,), (fact,))

    return write(work)


@operation("get", "/customers/<id>/blacklist", Scope.BLACKLIST_READ, EntriesOut, group=GROUP, limited=True)
def show_blacklist_history(path: CustomerPath) -> Response:
    """List every entry that a customer has or had, newest first."""

    def work(work: Work) -> EntriesOut:
        master = standing_for(work.connection, work.tenant.id, CustomerId(path.id))
        if master is None:
            raise NoCustomerError("no such customer")
        return _history(work, master)

    return read(work)


def _history(work: Work, customer_id: CustomerId) -> EntriesOut:
    return EntriesOut(entries=[_entry_out(one) for one in load_entries(work.connection, work.tenant, customer_id)])


def _entry_out(entry: Entry) -> EntryOut:
    return EntryOut(entry_id=entry.id, **{name: value for name, value in entry.__dict__.items() if name != "id"})
