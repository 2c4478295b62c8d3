"""Values of the blacklist. Authority: ours. An entry that has ended stays as history."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from services.planning import Fact
from shared.ids import CustomerId

LONGEST_REASON = 500


@dataclass(frozen=True)
class Entry:
    """`ended_at` None: the customer is on the list."""

    id: int
    customer_id: CustomerId
    reason: str = field(repr=False)
    added_at: datetime
    added_by: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class CustomerBlacklisted(Fact):
    """A customer is not to be approached any more (CUS-10); the reason is in the entry."""

    TYPE: ClassVar[str] = "customer_blacklisted"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    entry_id: int


@dataclass(frozen=True, kw_only=True)
class CustomerUnblacklisted(Fact):
    """A customer is off the blacklist again (CUS-10)."""

    TYPE: ClassVar[str] = "customer_unblacklisted"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    entry_id: int
