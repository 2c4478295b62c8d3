"""Values of orders and behaviour events. Authority: the retailer's systems; WeCom knows nothing of them (CUS-15)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.ids import CustomerId


class OrderStatus(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


COUNTED = frozenset({OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.COMPLETED})
"""Orders that are purchases: in the count, the amount and the time of the last one."""


@dataclass(frozen=True)
class OrderItem:
    """One line. `goods_id`: the retailer's, the same in all its shops. `amount`: of the whole line, in minor units."""

    goods_id: str
    name: str | None
    quantity: int
    amount: int


@dataclass(frozen=True)
class Order:
    """`amount` is in minor units of `currency` (ISO 4217). `updated_at` is the retailer's: the newest one stands.

    `items` None: whoever told of the order said nothing of its lines.
    """

    shop: str
    order_id: str
    customer_id: CustomerId
    amount: int
    currency: str
    status: OrderStatus
    items_count: int
    paid_at: datetime | None
    updated_at: datetime
    items: tuple[OrderItem, ...] | None = None

    @property
    def goods_ids(self) -> list[str] | None:
        """Each once, in order."""
        return None if self.items is None else sorted({one.goods_id for one in self.items})


@dataclass(frozen=True)
class Purchases:
    """What one customer bought in one shop, in one currency."""

    shop: str
    currency: str
    purchase_count: int
    amount: int
    last_purchase_at: datetime | None


@dataclass(frozen=True)
class Preferred:
    """Goods that one customer bought. `name`: what the retailer calls them now; None: never said."""

    goods_id: str
    name: str | None
    order_count: int
    quantity: int
    last_purchase_at: datetime | None


@dataclass(frozen=True)
class Behaviour:
    """Something a customer did. `event_id` is the retailer's: a repeat is no second event."""

    event_id: str
    customer_id: CustomerId
    kind: str
    occurred_at: datetime
    shop: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict, repr=False)
