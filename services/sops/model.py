"""Values of SOPs. Authority: ours; WeCom knows nothing of them.

A rule brings customers or chats in (its trigger) who are meant (its audience); each is then on the way through its
steps: an enrolment. Times are aware UTC; days and clock times are the corp's.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, ClassVar, Literal

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, ExternalUserId, UserId

MOST_RULES, MOST_STEPS, MOST_EXITS, MOST_ATTACHMENTS = 300, 100, 20, 9
"""Of a corp; of a rule; of a rule; of a step (as of a message to a customer)."""
LONGEST_CONTENT = 2_000
"""Characters. An associate sends it by hand, as one message."""
LONGEST_DAYS = 730
LATE_S = 86_400
RULE, ENROLMENT = "sop_rule", "sop_enrolment"
"""Kinds of subjects."""

Subject = Literal["customer", "chat"]
Kind = Literal[
    "friend", "tag", "stage", "no_contact", "event", "purchase", "date", "yearly", "by_hand", "chat_created",
    "member_joined",
]  # fmt: skip
OF_CUSTOMERS: frozenset[str] = frozenset(
    {"friend", "tag", "stage", "no_contact", "event", "purchase", "date", "yearly", "by_hand"}
)
OF_CHATS: frozenset[str] = frozenset({"chat_created", "member_joined", "event", "purchase", "date", "by_hand"})
BY_DAY: frozenset[str] = frozenset({"no_contact", "date", "yearly"})
"""Triggers that a day brings, not something that happens: looked for once a day."""
Reentry = Literal["never", "after_end", "each"]
ExitKind = Literal["tag_gained", "tag_lost", "stage", "friendship_lost", "blacklisted"]
BIRTHDAY = "birthday"


class RuleState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"


class StepState(StrEnum):
    WAITING = "waiting"  # no row says so: what is not passed waits
    REMINDED = "reminded"
    DONE = "done"  # somebody confirmed it
    OVERDUE = "overdue"  # reminded, and not confirmed in time
    SKIPPED = "skipped"
    EXPIRED = "expired"  # it was due too long ago when it was looked at


CONFIRMABLE = frozenset({StepState.REMINDED, StepState.OVERDUE, StepState.EXPIRED, StepState.SKIPPED})
"""And waiting ones, while their enrolment is on its way."""


class NoSopError(TerminalError):
    """There is no such rule, enrolment or step."""


class SopRefusedError(TerminalError):
    """It cannot be so; the text says why."""


class SopInvalidError(TerminalError):
    """A rule cannot be so; `problems` are (JSON pointer into the rule, reason)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{place}: {reason}" for place, reason in problems))


@dataclass(frozen=True)
class Trigger:
    """What brings somebody in. Which fields a kind has: services/sops/check.py.

    `days`: of no contact. `field`: whose day comes round each year, birthday or own:KEY; `days_before` it.
    """

    kind: Kind
    tag_id: str | None = None
    stage_id: int | None = None
    event: str | None = None
    days: int | None = None
    day: date | None = None
    field: str | None = None
    days_before: int = 0


@dataclass(frozen=True)
class Audience:
    """Who is meant: all that is given must hold. `outlet_ids`: with what lies under them.

    `filter`: of customers, in the filter language. `chat_ids`, `folder_ids`: of chats; either is enough.
    `userids`: of responsible associates, or owners.
    """

    filter: Any = field(default=None, repr=False)
    userids: tuple[UserId, ...] = ()
    outlet_ids: tuple[int, ...] = ()
    chat_ids: tuple[str, ...] = ()
    folder_ids: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.filter is None and not (self.userids or self.outlet_ids or self.chat_ids or self.folder_ids)


@dataclass(frozen=True)
class Attachment:
    """By reference: an id or address that the associate's page knows how to show. `kind`: image, link and so on."""

    kind: str
    reference: str
    title: str | None = None


@dataclass(frozen=True)
class Step:
    """Due `after_minutes` after the start, or at a clock `time` on day `day` (the start's own day is 0).

    `since`: when it got its time; of whoever was past that time by then, it is no step any more.
    """

    id: int
    content: str = field(repr=False)
    since: datetime
    after_minutes: int | None = None
    day: int | None = None
    at: time | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def timing(self) -> tuple[object, ...]:
        return self.after_minutes, self.day, self.at


@dataclass(frozen=True)
class Exit:
    kind: ExitKind
    tag_id: str | None = None
    stage_id: int | None = None


@dataclass(frozen=True)
class Ways:
    """How a rule goes about it.

    `workdays_only`: what would be due on a day off is due at that time of the next workday. `late_s`: so much later a
    step is still reminded. `overdue_after_s`: unconfirmed for so long, it is overdue; None: never.
    """

    reentry: Reentry = "never"
    workdays_only: bool = False
    late_s: int = LATE_S
    overdue_after_s: int | None = None


@dataclass(frozen=True)
class Spec:
    """What people write of a rule."""

    trigger: Trigger
    audience: Audience
    steps: tuple[Step, ...]
    exits: tuple[Exit, ...] = ()
    ways: Ways = field(default_factory=Ways)

    def step(self, step_id: int) -> Step | None:
        return next((one for one in self.steps if one.id == step_id), None)


@dataclass(frozen=True)
class Rule:
    """`running_since`: what happened before brings nobody in, and what was due before is past. `version` grows with
    each change; `last_step_id` with each new step, so that an id is never given twice.
    """

    id: int
    name: str
    subject: Subject
    state: RuleState
    spec: Spec
    version: int
    last_step_id: int
    running_since: datetime | None
    made_at: datetime
    made_by: str
    changed_at: datetime
    run_day: date | None = None
    deleted_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Enrolment:
    """Somebody on the way. `anchor_at`: the start that steps count from. `since`: by hand set anew then, so that what
    was due before is past. `member`: who joined, where that brought the chat in.
    """

    id: int
    rule_id: int
    customer_id: CustomerId | None
    chat_id: str | None
    anchor_at: datetime
    entered_at: datetime
    entered_by: str
    member: ExternalUserId | None = None
    since: datetime | None = None
    left_out: tuple[int, ...] = ()
    running: bool = True
    ended_at: datetime | None = None
    ended_why: str | None = None
    next_at: datetime | None = None
    next_step_id: int | None = None


@dataclass(frozen=True)
class Progress:
    """A step that is not ahead any more. `userid`: who was told, or was to be."""

    step_id: int
    state: StepState
    due_at: datetime
    userid: UserId | None = None
    told_at: datetime | None = None
    settled_at: datetime | None = None
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class SopStepFact(Fact):
    """About one step of one enrolment; of a customer or of a chat. `external_userid`: the associate's contact."""

    SUBJECT: ClassVar[tuple[str, str]] = (ENROLMENT, "enrolment_id")
    enrolment_id: int
    rule_id: int
    step_id: int
    customer_id: int | None
    external_userid: str | None
    chat_id: str | None
    userid: UserId
    due_at: str
    """ISO 8601; a fact's payload is JSON."""

    @property
    def reason(self) -> str:
        """What its reminders stand for; they are taken back when that vanishes."""
        return f"sop:{self.enrolment_id}:{self.step_id}"


@dataclass(frozen=True, kw_only=True)
class SopStepDue(SopStepFact):
    """It is time for a step: the responsible associate is told, with what to send (SOP-1, SOP-2)."""

    TYPE: ClassVar[str] = "sop_step_due"


@dataclass(frozen=True, kw_only=True)
class SopStepOverdue(SopStepFact):
    """A step was told and is not confirmed in time (SOP-5)."""

    TYPE: ClassVar[str] = "sop_step_overdue"


@dataclass(frozen=True, kw_only=True)
class SopStepDone(SopStepFact):
    """Somebody confirmed a step: with a customer, a contact (SOP-7)."""

    TYPE: ClassVar[str] = "sop_step_done"
    by: str
