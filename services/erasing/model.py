"""Values of deleting customers (CUS-8). Authority: ours over our records; the contact is WeCom's: its mirror stays."""

from dataclasses import dataclass
from typing import ClassVar

from services.planning import Fact
from shared.ids import CustomerId


@dataclass(frozen=True, kw_only=True)
class CustomerErased(Fact):
    """A person deleted our record of a customer, for good. `contact_stays`: WeCom still has them as a contact, so the
    customer goes on without anything of ours."""

    TYPE: ClassVar[str] = "customer_erased"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    contact_stays: bool
