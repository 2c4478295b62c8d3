"""A person by their identities: found, made, or joined from several records (CUS-12, CUS-14, POOL-1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.merging.merge import merge_locked
from services.persons.model import CUSTOMER, EXTERNAL_USERID, CustomersMerged, Identity, NotYoursError
from services.persons.plan import (
    Candidate,
    ContradictionError,
    Given,
    holders,
    plan_match,
    refuse_contradictions,
)
from services.persons.store import (
    find_customers,
    key_of,
    load_candidates,
    load_identities,
    load_own,
    lock_customers,
    lock_identities,
    make_customer,
    record_identities,
    record_own,
    remove_identity,
    touch,
)
from shared.audit import Change
from shared.errors import TerminalError
from shared.ids import CustomerId
from shared.tenants import Tenant


class UnknownContactError(TerminalError):
    """WeCom issues this id, and none of its contacts here has it."""


class NoCustomerError(TerminalError):
    """There is no such customer."""


@dataclass(frozen=True)
class Joined:
    """The person, and what came of it: made anew or not, records that became theirs, facts and lines of the audit."""

    customer_id: CustomerId
    made: bool
    merged: tuple[CustomerId, ...]
    facts: tuple[CustomersMerged, ...]
    changes: tuple[Change, ...]


def join(
    connection: Connection,
    tenant: Tenant,
    identities: Sequence[Identity],
    own: Mapping[str, object],
    *,
    now: datetime,
    by: str = "system",
) -> Joined:
    """Find the person or make them, add the identities they lack, and set fields; a field that is None is emptied.

    `by`: whose word it is, as the audit names them.

    Raises:
        ContradictionError: they are different persons.
        UnknownContactError: of an external_userid only WeCom can tell. In both cases the caller rolls back.
    """
    given = [Given(key_of(tenant, one), one.verified) for one in identities]
    candidates = _candidates(connection, tenant, given)
    _refuse_unknown_contacts(given, candidates)
    match = plan_match(given, candidates)
    customer_id = match.customer_id or make_customer(connection, tenant.id, now=now)
    changes: list[Change] = [] if match.customer_id else [Change("customer.made", CUSTOMER, str(customer_id))]
    merged = [
        merge_locked(connection, tenant, customer_id, one, why="join", by=by, now=now)  # their identities are proof
        for one in match.joined
    ]
    changes += [change for one in merged for change in one.changes]
    changes += _add_identities(connection, tenant, customer_id, identities, now=now)
    changes += _set_own(connection, tenant, customer_id, own, now=now)
    facts = tuple(one.fact for one in merged)
    return Joined(customer_id, match.customer_id is None, match.joined, facts, tuple(changes))


def _candidates(connection: Connection, tenant: Tenant, given: Sequence[Given]) -> list[Candidate]:
    keys = [one.key for one in given]
    lock_identities(connection, tenant, keys)
    found = find_customers(connection, tenant.id, keys)
    known = {one for ids in found.values() for one in ids}
    stands = lock_customers(connection, tenant.id, known, merged_too=True)
    # Only now: what is decided rests on what nobody can change any more.
    persons = load_candidates(connection, tenant.id, stands.values())
    return [one for one in persons if any(key in one.identities for key in keys)]


def _refuse_unknown_contacts(given: Sequence[Given], candidates: Sequence[Candidate]) -> None:
    for claim in given:
        if claim.key[0] == EXTERNAL_USERID and not any(claim.key in one.identities for one in candidates):
            raise UnknownContactError("no WeCom contact of this corp has this external_userid (yet)")


def _add_identities(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, identities: Sequence[Identity], *, now: datetime
) -> list[Change]:
    added = record_identities(connection, tenant, customer_id, identities, source="api", now=now)
    if added:
        touch(connection, tenant.id, [customer_id], now=now)
    return [
        Change(
            "identity.added",
            CUSTOMER,
            str(customer_id),
            after={"kind": one.kind, "value": one.value, "verified": one.verified},
        )
        for one in added
    ]


def _set_own(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, own: Mapping[str, object], *, now: datetime
) -> list[Change]:
    present = load_own(connection, tenant, [customer_id])[customer_id]
    changed = {name: value for name, value in own.items() if present.get(name) != value}
    if not changed:
        return []
    left = {name: value for name, value in (present | changed).items() if value is not None}
    record_own(connection, tenant, customer_id, left, now=now)
    before = {name: present.get(name) for name in changed}
    return [Change("customer.edited", CUSTOMER, str(customer_id), before, changed)]


def attach(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, identity: Identity, *, now: datetime
) -> list[Change]:
    """Give a known customer one more identity; joins nobody.

    Raises:
        NoCustomerError, ContradictionError, UnknownContactError: the caller rolls back.
    """
    claim = Given(key_of(tenant, identity), identity.verified)
    others = _candidates(connection, tenant, [claim])
    master = _lock(connection, tenant, customer_id)
    (person,) = load_candidates(connection, tenant.id, [master])
    others = [one for one in others if one.customer_id != master]
    if identity.kind == EXTERNAL_USERID and claim.key not in person.identities and not others:
        _refuse_unknown_contacts([claim], others)
    if taken := holders(claim, others):
        raise ContradictionError(
            f"another customer has this {identity.kind}: upsert with both identities joins them, if they are one",
            [master, *taken],
        )
    refuse_contradictions([claim], [person])
    return _add_identities(connection, tenant, master, [identity], now=now)


def detach(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, identity: Identity, *, now: datetime
) -> list[Change]:
    """Take an identity away; nothing happens when the customer does not have it.

    Raises:
        NoCustomerError, NotYoursError: the caller rolls back.
    """
    key = key_of(tenant, identity)
    lock_identities(connection, tenant, [key])
    master = _lock(connection, tenant, customer_id)
    held = [one for one in load_identities(connection, tenant, master) if key_of(tenant, one.identity) == key]
    if any(one.source == "wecom" for one in held):
        raise NotYoursError("WeCom shows this identity of its contact: only there can it end")
    if not held:
        return []
    remove_identity(connection, tenant.id, master, key)
    touch(connection, tenant.id, [master], now=now)
    before = {"kind": identity.kind, "value": identity.value, "verified": held[0].identity.verified}
    return [Change("identity.removed", CUSTOMER, str(master), before=before)]


def _lock(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> CustomerId:
    stands = lock_customers(connection, tenant.id, [customer_id])
    if customer_id not in stands:
        raise NoCustomerError("no such customer")
    return stands[stands[customer_id]]
