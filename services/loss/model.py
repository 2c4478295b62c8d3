"""Values of loss: the standing of a customer, and the facts when it changes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.ids import CustomerId, ExternalUserId


class Standing(StrEnum):
    """How a customer stands with all associates together."""

    NONE = "none"  # no relation tells
    HALF = "half"
    FRIEND = "friend"
    LOST = "lost"  # nobody is left, and the customer ended the last friendship
    DELETED = "deleted"  # nobody is left, and the associate ended the last friendship
    LEFT = "left"  # the last friend left the corp: they wait for a new owner


@dataclass(frozen=True, kw_only=True)
class StandingFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    external_userid: ExternalUserId


@dataclass(frozen=True, kw_only=True)
class CustomerLost(StandingFact):
    """No friend is left, and the customer ended the last friendship (ASG-7)."""

    TYPE: ClassVar[str] = "customer_lost"


@dataclass(frozen=True, kw_only=True)
class CustomerDeleted(StandingFact):
    """No friend is left, and the associate ended the last friendship (LOSS-1)."""

    TYPE: ClassVar[str] = "customer_deleted"


@dataclass(frozen=True, kw_only=True)
class CustomerReturned(StandingFact):
    """A lost or deleted customer is a friend again (ASG-8)."""

    TYPE: ClassVar[str] = "customer_returned"
