"""Two records of one person become one, and part again (CUS-9). Whoever merges, by whatever proof, comes here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.merging.model import MERGED, FieldChoice, MergeRefusedError, TakenOut, Why
from services.merging.moving import add_scores, count_rows, drop_scores, hand_on_standing, load_scores, move_rows
from services.merging.plan import changed, own_of, plan_fields
from services.merging.store import add_merge, lead_to, lock_contacts
from services.merging.ways import hush_doubled_ways, one_way_rules
from services.persons.model import CUSTOMER, CustomersMerged
from services.persons.plan import ContradictionError, refuse_contradictions
from services.persons.store import (
    load_candidates,
    load_identities,
    load_own,
    lock_customers,
    merged_ids,
    record_own,
    touch,
)
from services.purchases.store import summarise
from shared.audit import Change
from shared.ids import CustomerId
from shared.requests import OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant


@dataclass(frozen=True)
class Merging:
    """What came of a merge. `moved`: table -> rows that went over."""

    merge_id: int
    customer_id: CustomerId
    moved: Mapping[str, int]
    fact: CustomersMerged
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Preview:
    """What a merge would do. `refused`: why it cannot be; `rows`: table -> how many of the other's, up to 100,001."""

    refused: str | None
    fields: tuple[FieldChoice, ...]
    rows: Mapping[str, int]


def merge(
    connection: Connection,
    tenant: Tenant,
    master: CustomerId,
    other: CustomerId,
    *,
    take: Collection[str] = (),
    by: str,
    now: datetime,
) -> Merging:
    """A person says that `other` is `master`. `take`: fields in which the other wins.

    Raises:
        MergeRefusedError, ContradictionError: nothing is written, the caller rolls back.
    """
    _look_again(connection, tenant, [other], by=by, now=now)
    lock_contacts(connection, tenant.id, [master, other])
    stands = lock_customers(connection, tenant.id, [master, other], merged_too=True)
    into = _standing(stands, master, other)
    refuse_contradictions([], load_candidates(connection, tenant.id, [into, other]))
    return merge_locked(connection, tenant, into, other, take=take, why="person", by=by, now=now)


def _look_again(
    connection: Connection, tenant: Tenant, customer_ids: Sequence[CustomerId], *, by: str, now: datetime
) -> None:
    """A worker then decides assignment and standing anew. The request first: a worker locks it before the rest."""
    contacts = [
        identity.identity.value
        for one in customer_ids
        for identity in load_identities(connection, tenant, one)
        if identity.identity.kind == "external_userid"
    ]
    wishes = [Wanted(Subject(tenant.id, CONTACT, one), OPERATOR, "operator", by) for one in contacts]
    want(connection, wishes, now=now)


def _standing(stands: Mapping[CustomerId, CustomerId], master: CustomerId, other: CustomerId) -> CustomerId:
    if master not in stands or other not in stands:
        raise MergeRefusedError("there is no customer with this id")
    into = stands[stands[master]]
    if stands[other] == into:
        raise MergeRefusedError("these are one record already")
    if stands[other] != other:
        raise MergeRefusedError(f"customer {other} was merged into {stands[other]}: merge that one")
    return into


def preview(
    connection: Connection, tenant: Tenant, master: CustomerId, other: CustomerId, *, take: Collection[str] = ()
) -> Preview:
    """
    Raises:
        MergeRefusedError: a field in `take` that the other does not have.
    """
    own = load_own(connection, tenant, [master, other])
    choices = plan_fields(own.get(master, {}), own.get(other, {}), take=take)
    rows = count_rows(connection, tenant.id, other)
    try:
        if master == other:
            raise MergeRefusedError("these are one record already")
        refuse_contradictions([], load_candidates(connection, tenant.id, [master, other]))
    except (ContradictionError, MergeRefusedError) as error:
        return Preview(str(error), tuple(choices), rows)
    return Preview(None, tuple(choices), rows)


def merge_locked(
    connection: Connection,
    tenant: Tenant,
    into: CustomerId,
    merged: CustomerId,
    *,
    take: Collection[str] = (),
    why: Why,
    by: str,
    now: datetime,
) -> Merging:
    """Merge records that stand, do not contradict each other, and are locked.

    Raises:
        MergeRefusedError: a field in `take` that the other does not have.
    """
    own = load_own(connection, tenant, [into, merged])
    choices = plan_fields(own[into], own[merged], take=take)
    identities = [one.identity.kind for one in load_identities(connection, tenant, merged)]
    children = merged_ids(connection, tenant.id, merged)
    merge_id = add_merge(connection, tenant.id, into, merged, why=why, by=by, now=now)
    rules = one_way_rules(connection, tenant, merged)
    hush_doubled_ways(connection, tenant.id, merged, into, rules, now=now)
    moved, taken = move_rows(connection, tenant, merge_id, merged, into, one_way=list(rules))
    scores = load_scores(connection, tenant.id, [into, merged]).get(merged)
    if scores is not None:
        add_scores(connection, tenant.id, into, *scores)
        drop_scores(connection, tenant.id, merged)
    if "external_contact" in moved:
        hand_on_standing(connection, tenant.id, merged, into, now=now)
    lead_to(connection, tenant.id, merge_id, merged, into, now=now)
    summarise(connection, tenant.id, [into, merged])
    before, after = changed(choices)
    if after:
        record_own(connection, tenant, into, own_of({one.path: one.result for one in choices}), now=now)
    touch(connection, tenant.id, [into], now=now)
    kept = {
        "own": own[merged],
        "identities": identities,
        "merged_ids": children,
        "master": before,
        "score": scores,
        "taken_out": [_told(one) for one in taken],
    }
    led = {"merged_into": into, "merge_id": merge_id, "master": after, "moved": moved}
    changes = [Change(MERGED, CUSTOMER, str(merged), kept, led)]
    if after:
        changes.append(Change("customer.filled", CUSTOMER, str(into), before, after))
    fact = CustomersMerged(occurred_at=now, customer_id=into, merged_id=merged)
    return Merging(merge_id, into, moved, fact, tuple(changes))


def _told(one: TakenOut) -> dict[str, Any]:
    return {"table": one.table, "owner": one.owner, "row": dict(one.row)}
