"""Rows of orders and events. A summary is always computed anew from its orders, so it cannot drift.

Who writes here has locked the customers (services/persons/store.lock_customers): two orders of one customer at once
would each compute a summary without the other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection

from services.purchases.model import COUNTED, Behaviour, Order, OrderItem, OrderStatus, Purchases
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.requests import Subject, lock
from shared.tenants import Tenant

PROPERTIES = "customer_event.properties"


def lock_order(connection: Connection, tenant_id: TenantId, shop: str, order_id: str) -> Order | None:
    """The order as it is recorded; nobody else writes it until the transaction ends. Before customers are locked."""
    lock(connection, [Subject(tenant_id, "order", f"{shop}/{order_id}")])
    row = fetch_one(
        connection,
        "select * from customer_order where tenant_id = :tenant_id and shop = :shop and order_id = :order_id",
        tenant_id=tenant_id,
        shop=shop,
        order_id=order_id,
    )
    return _order(row) if row else None


def _order(row: Row) -> Order:
    return Order(
        shop=row["shop"],
        order_id=row["order_id"],
        customer_id=CustomerId(row["customer_id"]),
        amount=row["amount"],
        currency=row["currency"],
        status=OrderStatus(row["status"]),
        items_count=row["items_count"],
        paid_at=row["paid_at"],
        updated_at=row["updated_at"],
        items=None if row["items"] is None else tuple(OrderItem(**one) for one in row["items"]),
    )


def record_order(connection: Connection, tenant_id: TenantId, order: Order, *, now: datetime) -> bool:
    """Write it with its lines, all anew, unless what is recorded is newer; whether it was written."""
    values = {name: getattr(order, name) for name in Order.__dataclass_fields__}
    items = None if order.items is None else as_json([one.__dict__ for one in order.items])
    return (
        run(
            connection,
            "insert into customer_order as o (tenant_id, shop, order_id, customer_id, amount, currency, status, "
            "items_count, paid_at, updated_at, recorded_at, items, goods_ids) values (:tenant_id, :shop, :order_id, "
            ":customer_id, :amount, :currency, :status, :items_count, :paid_at, :updated_at, :now, "
            "cast(:items as jsonb), cast(:goods_ids as text[])) "
            "on conflict (tenant_id, shop, order_id) do update set customer_id = excluded.customer_id, "
            "amount = excluded.amount, currency = excluded.currency, status = excluded.status, "
            "items_count = excluded.items_count, paid_at = excluded.paid_at, updated_at = excluded.updated_at, "
            "recorded_at = excluded.recorded_at, items = excluded.items, goods_ids = excluded.goods_ids "
            "where o.updated_at <= excluded.updated_at",
            tenant_id=tenant_id,
            now=now,
            **values | {"items": items, "goods_ids": order.goods_ids},
        )
        > 0
    )


def summarise(connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId]) -> None:
    """Compute the summaries of these customers anew."""
    ids = sorted(set(customer_ids))
    run(
        connection,
        "delete from purchase_summary where tenant_id = :tenant_id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=ids,
    )
    run(
        connection,
        "insert into purchase_summary (tenant_id, customer_id, shop, currency, purchase_count, amount, "
        "last_purchase_at) select :tenant_id, customer_id, shop, currency, count(*), sum(amount), max(paid_at) "
        "from customer_order where tenant_id = :tenant_id and customer_id = any(:ids) and status = any(:counted) "
        "group by customer_id, shop, currency",
        tenant_id=tenant_id,
        ids=ids,
        counted=sorted(COUNTED),
    )


def load_purchases(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, list[Purchases]]:
    rows = fetch_all(
        connection,
        "select * from purchase_summary where tenant_id = :tenant_id and customer_id = any(:ids) "
        "order by customer_id, shop, currency",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    found: dict[CustomerId, list[Purchases]] = {one: [] for one in customer_ids}
    for row in rows:
        values = {name: row[name] for name in Purchases.__dataclass_fields__}
        found[CustomerId(row["customer_id"])].append(Purchases(**values))
    return found


def record_events(connection: Connection, tenant: Tenant, events: Sequence[Behaviour], *, now: datetime) -> set[str]:
    """The ids of those that were not known yet."""
    rows = [
        {
            "event_id": one.event_id,
            "customer_id": one.customer_id,
            "kind": one.kind,
            "shop": one.shop,
            "occurred_at": one.occurred_at,
            "properties": tenant.cipher.encrypt(orjson.dumps(one.properties), PROPERTIES) if one.properties else None,
        }
        for one in sorted(events, key=lambda event: event.event_id)
    ]
    written = fetch_all(
        connection,
        "insert into customer_event (tenant_id, event_id, customer_id, kind, shop, occurred_at, properties, "
        "recorded_at) select :tenant_id, event_id, customer_id, kind, shop, occurred_at, properties, :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(event_id text, customer_id bigint, kind text, shop text, "
        "occurred_at timestamptz, properties bytea) on conflict (tenant_id, event_id) do nothing returning event_id",
        tenant_id=tenant.id,
        now=now,
        rows=as_json(rows),
    )
    return {row["event_id"] for row in written}
