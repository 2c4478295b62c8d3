"""Values of the pool. Authority: ours alone; WeCom knows nothing of it but the friendship that ends it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, ExternalUserId, UserId

POOL = "pool"
"""Subject kind of facts about many at once; and of the audit."""
SOURCE = re.compile(r"(import|hand|api|leaver|[a-z]{1,16}:[^\s:]{1,40})\Z")
"""Where somebody came from: import, hand, api, shop:NAME, miniapp:ID, import:展会 ..."""
MOST_IDS = 1000
"""Customers named in one fact; more of them make more facts."""
LONGEST_NOTE = 500


class Status(StrEnum):
    UNASSIGNED = "unassigned"
    ASSIGNED = "assigned"
    UNREACHABLE = "unreachable"
    ADDED = "added"


class Reason(StrEnum):
    """Why an associate cannot reach somebody."""

    WRONG_NUMBER = "wrong_number"
    NO_ANSWER = "no_answer"
    NO_WECHAT = "no_wechat"
    REQUEST_IGNORED = "request_ignored"
    NOT_INTERESTED = "not_interested"
    OTHER = "other"  # needs words


Why = Literal[
    "entered", "operator", "batch", "department", "claim", "rule", "import", "unreachable", "reachable", "added",
    "recognised", "released", "departed", "neglected", "merged",
]  # fmt: skip
"""What a line of the history came from."""
How = Literal["hand", "contact", "unionid", "phone", "state", "person"]
"""How it became known that somebody was added: an associate said so, their contact is known by its customer, a
unionid, a phone, the state of a contact way; or a person decided between several."""
Dealing = Literal["random", "turns"]


class PoolRefusedError(TerminalError):
    """It cannot be done, or not now; the text says why."""


class NotInPoolError(TerminalError):
    """This customer is not in the pool."""


class NoSuchError(TerminalError):
    """There is no such batch, rule or open match."""


@dataclass(frozen=True)
class Record:
    """Where somebody stands. `note` and `reason`: why they are unreachable, in the associate's words and as a code."""

    customer_id: CustomerId
    status: Status
    source: str
    userid: UserId | None
    why: str | None
    rule_id: int | None
    reason: str | None
    department_id: int | None
    contacted_at: datetime | None
    status_at: datetime
    created_at: datetime
    by_whom: str
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Entry:
    """Somebody who is to enter. `department_id`: the outlet that is nearest or responsible, where a system says so."""

    customer_id: CustomerId
    source: str
    department_id: int | None = None


@dataclass(frozen=True)
class Act:
    """What everything in one transaction has in common: who does it, why, and when."""

    why: Why
    by_whom: str
    now: datetime
    rule_id: int | None = None
    batch_id: int | None = None


@dataclass(frozen=True)
class AssignRule:
    """Who goes to whom without an operator (POOL-12). Empty conditions hold for everybody.

    `from_hour` and `to_hour` are whole hours in the corp's time zone; from 20 to 8 goes over midnight.
    """

    id: int
    position: int
    sources: frozenset[str] = frozenset()
    tag_ids: frozenset[int] = frozenset()
    stage_ids: frozenset[int] = frozenset()
    department_ids: frozenset[int] = frozenset()
    from_hour: int | None = None
    to_hour: int | None = None


@dataclass(frozen=True)
class Facing:
    """What rules look at of one record."""

    customer_id: CustomerId
    source: str
    department_id: int | None
    tag_ids: frozenset[int]
    stage_ids: frozenset[int]


@dataclass(frozen=True)
class RuleAction:
    """To whom a rule gives: these associates, members of these departments, or of the record's own outlet."""

    userids: tuple[UserId, ...] = ()
    department_ids: tuple[int, ...] = ()
    own_outlet: bool = False
    least_loaded: bool = False


@dataclass(frozen=True)
class ReturnRule:
    """Who has stood still for `days` in one of these states goes back (POOL-13)."""

    id: int
    days: int
    statuses: tuple[Status, ...]
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Holder:
    """Somebody who has the phone or the state of a new friend. `verified`: the phone was proven theirs."""

    customer_id: CustomerId
    verified: bool
    userid: UserId | None


@dataclass(frozen=True)
class Match:
    """One contact and those whom the retailer knew and it may be."""

    external_userid: ExternalUserId
    userid: UserId
    how: How
    customer_ids: tuple[CustomerId, ...]
    sure: bool


@dataclass(frozen=True, kw_only=True)
class PoolEntered(Fact):
    """People entered the pool (POOL-1), or came into it again; of one source."""

    TYPE: ClassVar[str] = "pool_entered"
    SUBJECT: ClassVar[tuple[str, str]] = (POOL, "source")
    source: str
    customer_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PoolAssigned(Fact):
    """People in the pool are this associate's to add (POOL-3 to POOL-6, POOL-11, POOL-12).

    `from_userid`: whose they were before. What a large batch gives to one associate comes as several facts.
    """

    TYPE: ClassVar[str] = "pool_assigned"
    SUBJECT: ClassVar[tuple[str, str]] = ("associate", "userid")
    userid: UserId
    from_userid: UserId | None
    why: str
    rule_id: int | None
    batch_id: int | None
    customer_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PoolReturned(Fact):
    """People whom an associate was to add are nobody's again (POOL-10, POOL-13)."""

    TYPE: ClassVar[str] = "pool_returned"
    SUBJECT: ClassVar[tuple[str, str]] = ("associate", "from_userid")
    from_userid: UserId | None
    why: str
    rule_id: int | None
    customer_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PoolUnreachable(Fact):
    """An associate could not reach somebody; `reason` is a code (POOL-8)."""

    TYPE: ClassVar[str] = "pool_unreachable"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    userid: UserId | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class PoolReachable(Fact):
    """Somebody who could not be reached is to be added after all (POOL-8)."""

    TYPE: ClassVar[str] = "pool_reachable"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    userid: UserId | None


@dataclass(frozen=True, kw_only=True)
class PoolAdded(Fact):
    """Somebody left the pool: an associate added them (POOL-8, POOL-9). `how`: hand, contact, unionid, phone, state,
    person. `from_userid`: who was to add them, if anybody."""

    TYPE: ClassVar[str] = "pool_added"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    userid: UserId | None
    how: str
    from_userid: UserId | None = None


@dataclass(frozen=True, kw_only=True)
class PoolCustomersGiven(Fact):
    """What an associate was given within some seconds, to be told in one message (POOL-7). `customer_id` when it is
    one; `since`, `until`: when the first and the last of them were, by the clock of whoever gave. Somebody is told."""

    TYPE: ClassVar[str] = "pool_customers_given"
    SUBJECT: ClassVar[tuple[str, str]] = ("associate", "userid")
    userid: UserId
    count: int
    customer_id: CustomerId | None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, kw_only=True)
class PoolMatchUnclear(Fact):
    """A new friend may be somebody in the pool, and a person must say who (POOL-9)."""

    TYPE: ClassVar[str] = "pool_match_unclear"
    SUBJECT: ClassVar[tuple[str, str]] = ("external_contact", "external_userid")
    external_userid: ExternalUserId
    userid: UserId
    how: str
    customer_ids: tuple[int, ...]
