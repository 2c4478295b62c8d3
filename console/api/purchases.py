"""Orders and behaviour events that the retailer's systems tell of (CUS-15)."""

from flask import Response

from console.api.acting import Done, Work, write
from console.api.asked import EventsBody, OrderBody, OrderPath
from console.api.customers import identity_of
from console.api.routes import operation
from console.api.sheets import order_out
from console.api.told import EventOut, EventsOut, OrderOut
from services.joining.telling import place_order, tell_events
from services.purchases.model import Behaviour, Order, OrderItem
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

NOBODY_YET = CustomerId(0)


@operation("put", "/orders/<shop>/<order_id>", Scope.ORDERS_WRITE, OrderOut, also=201, group="orders")
def put_order(path: OrderPath, body: OrderBody) -> Response:
    """Record the state of an order, as often as you like; a late, older state changes nothing.

    404 when nobody has the identity: upsert the customer first.
    """
    whose = identity_of(body.customer, place="/customer")
    values = body.model_dump(exclude={"customer", "items"})
    items = None if body.items is None else tuple(OrderItem(**one.model_dump()) for one in body.items)
    order = Order(shop=path.shop, order_id=path.order_id, customer_id=NOBODY_YET, items=items, **values)

    def work(work: Work) -> Done:
        placed = place_order(work.connection, work.tenant, order, whose, now=work.now)
        status = 201 if placed.made else 200
        return Done(order_out(placed.order, applied=placed.applied), status, placed.changes)

    return write(work)


@operation("post", "/events", Scope.EVENTS_WRITE, EventsOut, group="orders", once=True)
def post_events(body: EventsBody) -> Response:
    """Record what customers did, up to 1,000 at once. An event_id that is known is a repeat, and no second event."""
    whose = [identity_of(one.customer, place=f"/events/{n}/customer") for n, one in enumerate(body.events)]
    events = [
        (Behaviour(customer_id=NOBODY_YET, **one.model_dump(exclude={"customer"})), identity)
        for one, identity in zip(body.events, whose, strict=True)
    ]

    def work(work: Work) -> Done:
        outcomes = tell_events(work.connection, work.tenant, events, now=work.now)
        shown = [
            EventOut(event_id=event.event_id, outcome=outcome)
            for (event, _), outcome in zip(events, outcomes, strict=True)
        ]
        recorded = [one.event_id for one in shown if one.outcome == "recorded"]
        change = Change("events.recorded", "event_batch", str(len(recorded)), after={"event_ids": recorded})
        return Done(EventsOut(recorded=len(recorded), events=shown), 200, (change,) if recorded else ())

    return write(work, once=True)
