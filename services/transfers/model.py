"""Values of handovers: customers and group chats that pass from one associate to another.

Authority: people and rules say what is wanted; WeCom says what came of it, and only its outcome moves a relation, an
owner or an assignment. A handover is asked for once, and followed until it has ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from services.customers.model import CONTACT
from services.intents.model import IntentState, Source
from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import ExternalUserId, UserId

TAKEOVER = "takeover"
"""Subject kind: all handovers to one associate, under one lease: WeCom takes one request at a time (45035)."""


class Kind(StrEnum):
    CUSTOMER = "customer"
    CHAT = "chat"


class Stage(StrEnum):
    """Where a handover stands (TRF-1)."""

    QUEUED = "queued"  # WeCom has not been asked, or is to be asked again
    ASKED = "asked"  # asked; whether WeCom took it is not known
    WAITING = "waiting"  # WeCom has taken it: it takes effect by itself unless the customer refuses
    DONE = "done"
    REFUSED = "refused"  # by the customer
    LIMIT = "limit"  # too many handovers of the customer, or customers of the new owner
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # by who asked, before WeCom was asked


STATES: Mapping[Stage, IntentState] = {
    Stage.QUEUED: IntentState.PENDING,
    Stage.ASKED: IntentState.SENT,
    Stage.WAITING: IntentState.SENT,
    Stage.DONE: IntentState.CONFIRMED,
    Stage.REFUSED: IntentState.REFUSED,
    Stage.LIMIT: IntentState.REFUSED,
    Stage.FAILED: IntentState.REFUSED,
    Stage.WITHDRAWN: IntentState.SUPERSEDED,
}
"""The state of the intent that a handover is."""


class Why(StrEnum):
    """Why a handover ended as it did, beside WeCom's code."""

    WECOM = "wecom"  # its code says it
    REFUSED = "refused"
    TAKER_FULL = "taker_full"
    TAKER_LEFT = "taker_left"
    CUSTOMER_LEFT = "customer_left"  # the customer removed the giver while it waited
    NO_RECORD = "no_record"  # WeCom shows no outcome, and nobody has moved
    OWNER_UNCHANGED = "owner_unchanged"  # WeCom took it, and the chat never had the new owner
    CHAT_GONE = "chat_gone"


@dataclass(frozen=True)
class Transfer:
    """One handover. `subject_key` is an external_userid or a chat_id; `departed`: the giver has left the corp.

    `attempts` counts requests that WeCom took or may have taken, `sent_at` is of the first of these, `effect_at` lies
    ahead while it waits. `known_failures`: how many rows of failures WeCom showed before the first request.
    """

    id: int
    kind: Kind
    subject_key: str
    from_userid: UserId
    to_userid: UserId
    departed: bool
    author: str
    source: Source
    stage: Stage
    asked_at: datetime
    next_poll_at: datetime
    attempts: int = 0
    known_failures: int = 0
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    effect_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None
    why: Why | None = None
    message: bytes | None = field(default=None, repr=False)
    """Encrypted; the same bytes for all that were asked for together."""
    moved_at: datetime | None = field(default=None, compare=False)
    """When WeCom took the customer from the giver, as their relation tells; known where loaded by customer only."""

    @property
    def is_open(self) -> bool:
        return STATES[self.stage] in (IntentState.PENDING, IntentState.SENT)

    @property
    def may_be_under_way(self) -> bool:
        """Whether WeCom may carry it out at any moment."""
        return self.is_open and self.attempts > 0


@dataclass(frozen=True)
class Shown:
    """A row of WeCom's results for one customer. status: 1 done, 2 waiting, 3 refused, 4 the new owner is full.

    `at`: when it takes or took effect; None when WeCom does not say.
    """

    status: int | None
    at: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """What a read of a customer shows of the two; `taker_since`: None when the new owner is no friend."""

    giver_there: bool
    taker_since: datetime | None


@dataclass(frozen=True)
class Owner:
    """What a read of a chat shows: its owner, or the code with which WeCom refused the read."""

    userid: UserId | None
    code: int | None = None


class Refusal(StrEnum):
    """Why something cannot be asked for."""

    SAME = "same"
    UNKNOWN_TAKER = "unknown_taker"
    UNKNOWN_GIVER = "unknown_giver"
    RENAMED = "renamed"
    TAKER_LEFT = "taker_left"
    TAKER_OUT_OF_SIGHT = "taker_out_of_sight"
    TAKER_WITHOUT_FUNCTION = "taker_without_function"
    TAKER_NOT_ACTIVE = "taker_not_active"
    GIVER_LEFT = "giver_left"
    GIVER_IN_SERVICE = "giver_in_service"
    GIVER_LEFT_TOO_LONG_AGO = "giver_left_too_long_ago"
    NOT_A_FRIEND = "not_a_friend"
    UNDER_WAY = "under_way"
    TOO_OFTEN = "too_often"
    UNKNOWN_CHAT = "unknown_chat"
    CHAT_DISMISSED = "chat_dismissed"
    CHAT_WITHOUT_OWNER = "chat_without_owner"
    OWNER_ALREADY = "owner_already"
    TOO_LONG = "too_long"
    NOBODY = "nobody"


class TransferRefusedError(TerminalError):
    """The whole wish cannot be; `refusal` says why, `who` is the person it is about."""

    def __init__(self, refusal: Refusal, who: str = "") -> None:
        super().__init__(f"{refusal.value} {who}".strip())
        self.refusal, self.who = refusal, who


@dataclass(frozen=True)
class Asked:
    """What became of a wish for many: how many handovers were kept, and for each of the others why not."""

    kept: int = 0
    refused: Mapping[str, Refusal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TransferFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (CONTACT, "external_userid")
    external_userid: ExternalUserId
    transfer_id: int
    from_userid: UserId
    to_userid: UserId
    departed: bool


@dataclass(frozen=True, kw_only=True)
class TransferAsked(TransferFact):
    """Somebody wants a customer to pass to another associate (TRF-1, TRF-2)."""

    TYPE: ClassVar[str] = "transfer_asked"


@dataclass(frozen=True, kw_only=True)
class TransferAccepted(TransferFact):
    """WeCom took it: it takes effect by itself unless the customer refuses."""

    TYPE: ClassVar[str] = "transfer_accepted"


@dataclass(frozen=True, kw_only=True)
class TransferDone(TransferFact):
    """The customer is the new owner's."""

    TYPE: ClassVar[str] = "transfer_done"


@dataclass(frozen=True, kw_only=True)
class TransferRefused(TransferFact):
    """The customer refused to be handed over."""

    TYPE: ClassVar[str] = "transfer_refused"


@dataclass(frozen=True, kw_only=True)
class TransferFailed(TransferFact):
    """It came to nothing: `outcome` is limit, failed or withdrawn, `why` a code of ours, `code` WeCom's if any."""

    TYPE: ClassVar[str] = "transfer_failed"
    outcome: str
    why: str
    code: int | None


@dataclass(frozen=True, kw_only=True)
class ChatTransferFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("group_chat", "chat_id")
    chat_id: str
    transfer_id: int
    from_userid: UserId
    to_userid: UserId
    departed: bool


@dataclass(frozen=True, kw_only=True)
class ChatTransferAsked(ChatTransferFact):
    """Somebody wants a group chat to have another owner (TRF-3)."""

    TYPE: ClassVar[str] = "chat_transfer_asked"


@dataclass(frozen=True, kw_only=True)
class ChatTransferAccepted(ChatTransferFact):
    """WeCom took it; the new owner is there when a read shows it."""

    TYPE: ClassVar[str] = "chat_transfer_accepted"


@dataclass(frozen=True, kw_only=True)
class ChatTransferDone(ChatTransferFact):
    """A read shows the new owner."""

    TYPE: ClassVar[str] = "chat_transfer_done"


@dataclass(frozen=True, kw_only=True)
class ChatTransferFailed(ChatTransferFact):
    """It came to nothing; fields as in `transfer_failed`."""

    TYPE: ClassVar[str] = "chat_transfer_failed"
    outcome: str
    why: str
    code: int | None


@dataclass(frozen=True, kw_only=True)
class TakeoverFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("associate", "to_userid")
    kind: Literal["customer", "chat"]
    from_userid: UserId
    to_userid: UserId
    external_userid: ExternalUserId | None


@dataclass(frozen=True, kw_only=True)
class TakeoverDone(TakeoverFact):
    """What one associate handed to another and was found done together: `count` customers or chats (TRF-4).

    `external_userid` is the customer when there is just one. `author_userid`: who asked, where an associate did.
    """

    TYPE: ClassVar[str] = "takeover_done"
    count: int
    departed: bool
    author_userid: UserId | None = None


@dataclass(frozen=True, kw_only=True)
class TakeoverFailed(TakeoverFact):
    """What came to nothing and was found so together (TRF-4). `author_userid`: who asked, where an associate did."""

    TYPE: ClassVar[str] = "takeover_failed"
    author_userid: UserId | None
    refused_count: int
    limit_count: int
    failed_count: int
