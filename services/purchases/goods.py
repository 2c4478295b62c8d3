"""Goods: what the retailer calls them, and which ones a customer prefers (SEG-2, CUS-4)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.purchases.model import COUNTED, OrderItem, Preferred
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId

TOP = 5
"""Goods of one customer that are shown."""


def record_names(connection: Connection, tenant_id: TenantId, items: Sequence[OrderItem], *, at: datetime) -> None:
    """Goods are called as the newest order that names them says. `at`: the retailer's time of this one.

    Names that are known already are only read: the same goods are in many orders at once, which must not wait for
    each other.
    """
    names = {one.goods_id: one.name for one in items if one.name is not None}
    if names:
        run(
            connection,
            "insert into goods as g (tenant_id, goods_id, name, named_at) "
            "select :tenant_id, n.goods_id, n.name, :at from unnest(cast(:ids as text[]), cast(:names as text[])) "
            "as n(goods_id, name) where not exists (select from goods k where k.tenant_id = :tenant_id "
            "and k.goods_id = n.goods_id and (k.name = n.name or k.named_at > :at)) order by n.goods_id "
            "on conflict (tenant_id, goods_id) do update set name = excluded.name, named_at = excluded.named_at "
            "where g.named_at <= excluded.named_at",
            tenant_id=tenant_id,
            at=at,
            ids=list(names),
            names=list(names.values()),
        )


def load_preferred(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> list[Preferred]:
    """What is in most of their purchases, then most of, then bought last."""
    rows = fetch_all(
        connection,
        "select b.*, g.name from (select i.goods_id, count(distinct (o.shop, o.order_id)) as order_count, "
        "sum(i.quantity) as quantity, max(o.paid_at) as last_purchase_at from customer_order o "
        "cross join lateral jsonb_to_recordset(o.items) as i(goods_id text, quantity bigint) "
        "where o.tenant_id = :tenant_id and o.customer_id = :id and o.status = any(:counted) "
        "group by i.goods_id order by order_count desc, quantity desc, last_purchase_at desc nulls last, i.goods_id "
        "limit :top) b left join goods g on g.tenant_id = :tenant_id and g.goods_id = b.goods_id "
        "order by order_count desc, quantity desc, last_purchase_at desc nulls last, b.goods_id",
        tenant_id=tenant_id,
        id=customer_id,
        counted=sorted(COUNTED),
        top=TOP,
    )
    return [
        Preferred(row["goods_id"], row["name"], row["order_count"], int(row["quantity"]), row["last_purchase_at"])
        for row in rows
    ]
