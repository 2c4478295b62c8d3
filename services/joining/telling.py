"""The retailer's systems tell of orders and events of customers, whom they name by an identity (CUS-15)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from services.joining.join import NoCustomerError
from services.persons.model import Identity
from services.persons.plan import ContradictionError, likeliest
from services.persons.store import find_customers, key_of, lock_customers, touch
from services.purchases.goods import record_names
from services.purchases.model import Behaviour, Order
from services.purchases.store import lock_order, record_events, record_order, summarise
from shared.audit import Change
from shared.ids import CustomerId
from shared.tenants import Tenant

Outcome = Literal["recorded", "repeated", "unknown_customer", "ambiguous_customer"]


@dataclass(frozen=True)
class Placed:
    """`applied`: False when a newer state of the order was recorded already, which stands."""

    order: Order
    applied: bool
    made: bool
    changes: tuple[Change, ...]


def place_order(connection: Connection, tenant: Tenant, order: Order, whose: Identity, *, now: datetime) -> Placed:
    """Record an order's state; `order.customer_id` is found here. Lines that it says nothing of stay as they are.

    Raises:
        NoCustomerError, ContradictionError: the caller rolls back.
    """
    before = lock_order(connection, tenant.id, order.shop, order.order_id)
    customer_id = _only(connection, tenant, whose)
    touched = {customer_id} | ({before.customer_id} if before else set())
    stands = lock_customers(connection, tenant.id, touched)
    order = replace(order, customer_id=stands[stands[customer_id]])
    if order.items is None and before is not None:
        order = replace(order, items=before.items)
    if before is not None and before == order:
        return Placed(order, applied=True, made=False, changes=())
    applied = record_order(connection, tenant.id, order, now=now)
    if not applied:
        assert before is not None
        return Placed(before, applied=False, made=False, changes=())
    record_names(connection, tenant.id, order.items or (), at=order.updated_at)
    whole = set(stands.values())
    summarise(connection, tenant.id, whole)
    touch(connection, tenant.id, whole, now=now)
    change = Change("order.recorded", "order", f"{order.shop}/{order.order_id}", _values(before), _values(order))
    return Placed(order, applied=True, made=before is None, changes=(change,))


def _values(order: Order | None) -> dict[str, object]:
    return {} if order is None else dict(order.__dict__)


def _only(connection: Connection, tenant: Tenant, whose: Identity) -> CustomerId:
    key = key_of(tenant, whose)
    found = likeliest(find_customers(connection, tenant.id, [key])[key])
    if not found:
        raise NoCustomerError("no customer has this identity: upsert them first")
    if len(found) > 1:
        raise ContradictionError("several customers have this identity: give an id that tells which", found)
    return found[0]


def tell_events(
    connection: Connection, tenant: Tenant, events: Sequence[tuple[Behaviour, Identity]], *, now: datetime
) -> list[Outcome]:
    """Record what is new of them; what became of each. `customer_id` of each is found here."""
    keys = [key_of(tenant, whose) for _, whose in events]
    found = {key: likeliest(having) for key, having in find_customers(connection, tenant.id, keys).items()}
    stands = lock_customers(connection, tenant.id, {one for ids in found.values() for one in ids if len(ids) == 1})
    known = {
        event.event_id: replace(event, customer_id=stands[stands[found[key][0]]])
        for (event, _), key in reversed(list(zip(events, keys, strict=True)))
        if len(found[key]) == 1
    }
    written = record_events(connection, tenant, list(known.values()), now=now)
    touch(connection, tenant.id, {known[one].customer_id for one in written}, now=now)
    outcomes: list[Outcome] = []
    for (event, _), key in zip(events, keys, strict=True):
        if len(found[key]) != 1:
            outcomes.append("ambiguous_customer" if found[key] else "unknown_customer")
        else:
            outcomes.append("recorded" if event.event_id in written else "repeated")
        written.discard(event.event_id)  # one that comes twice in a batch is a repeat, too
    return outcomes
