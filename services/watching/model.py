"""Values of what the clock brings about. Days are the corp's own. Authority: ours."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from services.planning import Fact
from services.reminders.model import NOT_KNOWN
from shared.ids import CustomerId, ExternalUserId, UserId

MOST_DAYS = 3650
MOST_BEFORE_DAYS = 360
NAMED = 3
"""Associates whom a digest names."""
DIGEST_HOUR, LOOK_HOUR = 8, 9
"""What is usual (LOSS-3)."""
USUAL_BEFORE = (7, 1)
"""Days before a leaver's last one (TRF-6)."""


@dataclass(frozen=True)
class Watch:
    """What a corp looks for once a day. `days`: after so many, or so many before; `every_days` None: told once."""

    kind: str
    stage_id: int = NOT_KNOWN
    hour: int = LOOK_HOUR
    days: tuple[int, ...] = ()
    every_days: int | None = None


@dataclass(frozen=True)
class Told:
    """What was told of a customer last: `since` when they had been there, or out of contact; the how-manieth time."""

    since: datetime
    number: int
    on: date


@dataclass(frozen=True, kw_only=True)
class DeletionsOfDay(Fact):
    """How many customers associates have removed since the digest before (LOSS-3): one a day, none where none were.

    `day`: of the digest, in the corp's time zone. The tops name those who removed most, at most three. Administrators
    are told.
    """

    TYPE: ClassVar[str] = "deletions_of_day"
    SUBJECT: ClassVar[tuple[str, str]] = ("day", "day")
    day: str
    count: int
    associate_count: int
    top_userids: tuple[UserId, ...]
    top_counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CustomerStageOverstayed(Fact):
    """A customer is in a stage for as many days as somebody wants to hear of (STG-2), for the `number`th time.

    `userid`: the associate who has them, if any. Associate and administrators are told.
    """

    TYPE: ClassVar[str] = "customer_stage_overstayed"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    external_userid: ExternalUserId | None
    userid: UserId | None
    line_id: int
    stage_id: int
    entered_at: str
    """ISO 8601; a fact's payload is JSON."""
    days: int
    number: int


@dataclass(frozen=True, kw_only=True)
class CustomerNotContacted(Fact):
    """Nobody was in contact with a customer for so many days (STG-2), as far as is known (SOP-7).

    `since`: the last contact, whose `source` is named, or when they became the associate's. The associate is told.
    """

    TYPE: ClassVar[str] = "customer_not_contacted"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    external_userid: ExternalUserId | None
    userid: UserId
    stage_id: int | None
    since: str
    source: str | None
    days: int
    number: int


@dataclass(frozen=True, kw_only=True)
class ChatEventDue(Fact):
    """The time to remind the owner of chats of an event has come (GRP-6). `chat_id` when it is one."""

    TYPE: ClassVar[str] = "chat_event_due"
    SUBJECT: ClassVar[tuple[str, str]] = ("chat_event", "event_id")
    event_id: int
    userid: UserId
    chat_id: str | None
    chat_count: int
    starts_at: str


@dataclass(frozen=True, kw_only=True)
class LeaverDeadline(Fact):
    """What a leaver left behind can be handed over until `until` only, in `days_left` days (TRF-6).

    Administrators are told.
    """

    TYPE: ClassVar[str] = "leaver_deadline"
    SUBJECT: ClassVar[tuple[str, str]] = ("associate", "userid")
    userid: UserId
    until: str
    days_left: int
    customer_count: int
    chat_count: int
