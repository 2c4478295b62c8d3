"""A person by their identities: found, made, or joined from several records (CUS-12, CUS-14, POOL-1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.fields.model import Use
from services.joining.own import set_own
from services.merging.merge import Merging, merge_locked
from services.persons.model import CUSTOMER, EXTERNAL_USERID, Identity, NotYoursError
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
    lock_customers,
    lock_identities,
    make_customer,
    record_identities,
    remove_identity,
    touch,
)
from services.planning import Fact
from services.pool.leaving import leave_of_friends
from services.pool.model import How
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
    facts: tuple[Fact, ...]
    changes: tuple[Change, ...]


def join(
    connection: Connection,
    tenant: Tenant,
    identities: Sequence[Identity],
    own: Mapping[str, object],
    *,
    now: datetime,
    made_for: Use | None = None,
    by: str = "system",
) -> Joined:
    """Find the person or make them, add the identities they lack, and set fields; a field that is None is emptied.

    `made_for`: somebody makes them by hand for this use, so custom fields that are required must be there (CUS-5).
    `by`: whose word it is, as the audit names them.

    Raises:
        ValuesRefusedError: custom fields that cannot be so.
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
    changes += set_own(connection, tenant, customer_id, own, now=now, made_for=made_for)
    left = _left_pool(connection, tenant, customer_id, merged, how="unionid", now=now)
    facts = (*(one.fact for one in merged), *left)
    return Joined(customer_id, match.customer_id is None, match.joined, facts, tuple(changes))


def unite(
    connection: Connection,
    tenant: Tenant,
    into: CustomerId,
    others: Sequence[CustomerId],
    *,
    how: How,
    now: datetime,
    by: str = "system",
) -> Joined:
    """Join records that turned out to be one person, whatever made that known; those that are one already stay so.

    Raises:
        NoCustomerError, ContradictionError: they cannot be one person; the caller rolls back.
    """
    stands = lock_customers(connection, tenant.id, [into, *others], merged_too=True)
    if any(one not in stands for one in (into, *others)):
        raise NoCustomerError("no such customer")
    masters = {stands[stands[one]] for one in (into, *others)}
    persons = load_candidates(connection, tenant.id, masters)
    refuse_contradictions([], persons)
    master, *rest = sorted(persons, key=lambda one: (not one.is_contact, one.customer_id))
    ids = tuple(sorted(one.customer_id for one in rest))
    merged = [merge_locked(connection, tenant, master.customer_id, one, why="join", by=by, now=now) for one in ids]
    left = _left_pool(connection, tenant, master.customer_id, merged, how=how, now=now)
    facts = (*(one.fact for one in merged), *left)
    return Joined(master.customer_id, False, ids, facts, tuple(change for one in merged for change in one.changes))


def _left_pool(
    connection: Connection, tenant: Tenant, into: CustomerId, merged: Sequence[Merging], *, how: How, now: datetime
) -> tuple[Fact, ...]:
    """What follows of a merge in the pool, which a friend leaves."""
    return tuple(leave_of_friends(connection, tenant.id, [into], how=how, now=now)) if merged else ()


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


def edit_own(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, own: Mapping[str, object], *, now: datetime
) -> tuple[CustomerId, list[Change]]:
    """Set fields of a known customer, under their lock; who they are now, and what changed. None empties a field.

    Raises:
        NoCustomerError, ValuesRefusedError: the caller rolls back.
    """
    master = lock_customer(connection, tenant, customer_id)
    return master, set_own(connection, tenant, master, own, now=now)


def attach(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, identity: Identity, *, now: datetime
) -> list[Change]:
    """Give a known customer one more identity; joins nobody.

    Raises:
        NoCustomerError, ContradictionError, UnknownContactError: the caller rolls back.
    """
    claim = Given(key_of(tenant, identity), identity.verified)
    others = _candidates(connection, tenant, [claim])
    master = lock_customer(connection, tenant, customer_id)
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
    master = lock_customer(connection, tenant, customer_id)
    held = [one for one in load_identities(connection, tenant, master) if key_of(tenant, one.identity) == key]
    if any(one.source == "wecom" for one in held):
        raise NotYoursError("WeCom shows this identity of its contact: only there can it end")
    if not held:
        return []
    remove_identity(connection, tenant.id, master, key)
    touch(connection, tenant.id, [master], now=now)
    before = {"kind": identity.kind, "value": identity.value, "verified": held[0].identity.verified}
    return [Change("identity.removed", CUSTOMER, str(master), before=before)]


def lock_customer(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> CustomerId:
    """The record that stands for this id, locked until the transaction ends.

    Raises:
        NoCustomerError
    """
    stands = lock_customers(connection, tenant.id, [customer_id])
    if customer_id not in stands:
        raise NoCustomerError("no such customer")
    return stands[stands[customer_id]]
