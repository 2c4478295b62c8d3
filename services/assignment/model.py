"""Values of assignment. Authority: our rules and operators; WeCom knows nothing of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from services.planning import Fact
from shared.ids import CustomerId, ExternalUserId, UserId

Why = Literal["first_add", "auto", "operator", "transfer", "import", "lost"]


class ReassignmentRefusedError(Exception):
    """The wish breaks a rule; the text names it."""


class ReassignmentObstacle(StrEnum):
    """Why a customer cannot be given to somebody; `same`: they have them already."""

    NOT_A_FRIEND = "not_a_friend"
    ONE_FRIEND = "one_friend"
    SAME = "same"


@dataclass(frozen=True)
class Decision:
    """An operator gave the customer to one of their friends (ASG-4)."""

    to_userid: UserId
    decided_at: datetime
    by: str


@dataclass(frozen=True)
class Handover:
    """WeCom took, or has carried out, a handover of the customer (TRF-1, TRF-2); `since`: when it was asked.

    `done_at` is None while its outcome is open. `departed`: the giver had left. `expected`: the new owner's friendship
    may still be missing from reads.
    """

    transfer_id: int
    from_userid: UserId
    to_userid: UserId
    since: datetime
    by: str
    done_at: datetime | None = None
    departed: bool = False
    expected: bool = False


@dataclass(frozen=True)
class Assignment:
    """`connected_at` is when the customer and the assigned associate became connected (ASG-2).

    `changed_at` is the time of the last line in the history, None when there is none.
    """

    userid: UserId | None = None
    connected_at: datetime | None = None
    changed_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AssignmentChange:
    """One line of the history (ASG-9)."""

    from_userid: UserId | None
    to_userid: UserId | None
    why: Why
    at: datetime
    by: str
    transfer_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class AssignmentFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    external_userid: ExternalUserId


@dataclass(frozen=True, kw_only=True)
class CustomerAssigned(AssignmentFact):
    """A customer without an associate has one (ASG-1)."""

    TYPE: ClassVar[str] = "customer_assigned"
    to_userid: UserId
    why: Why


@dataclass(frozen=True, kw_only=True)
class CustomerReassigned(AssignmentFact):
    """Another associate is responsible for a customer (ASG-4, ASG-5).

    `transfer_id`: a handover made it so, and `takeover_done` tells both.
    """

    TYPE: ClassVar[str] = "customer_reassigned"
    from_userid: UserId
    to_userid: UserId
    why: Why
    transfer_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerUnassigned(AssignmentFact):
    """No friend is left."""

    TYPE: ClassVar[str] = "customer_unassigned"
    from_userid: UserId
