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
class Order:
    """`amount` is in minor units of `currency` (ISO 4217). `updated_at` is the retailer's: the newest one stands."""

    shop: str
    order_id: str
    customer_id: CustomerId
    amount: int
    currency: str
    status: OrderStatus
    items_count: int
    paid_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class Purchases:
    """What one customer bought in one shop, in one currency."""

    shop: str
    currency: str
    purchase_count: int
    amount: int
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
