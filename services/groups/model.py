"""Values of group chats.

Authority of the fields: WeCom's read for the chat and for who is in it; evidence for when and how somebody left, and
for those who came and went between two reads. Events never make a member: a read does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.ids import UserId

CHAT = "group_chat"
"""Subject kind: one chat with all its members, under one lease, since one read shows them together."""


class EvidenceKind(StrEnum):
    """What an event says and no read can tell."""

    CREATED = "created"
    JOINED = "joined"
    LEFT = "left"
    CHANGED = "changed"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class Evidence:
    """One event about a chat. Versions are opaque; `field` is what a CHANGED event names: name, notice or owner."""

    kind: EvidenceKind
    occurred_at: datetime
    heard_at: datetime
    members: tuple[str, ...] = ()
    scene: int | None = None
    last_version: str | None = None
    version: str | None = None
    field: str | None = None

    @property
    def since(self) -> datetime:
        """From when on reads may be behind it; an event's own time may lie in the future."""
        return min(self.occurred_at, self.heard_at)


class Kind(StrEnum):
    ASSOCIATE = "associate"
    CUSTOMER = "customer"  # anybody from outside; they need be nobody's contact


class Source(StrEnum):
    """Who said when a stay began or ended."""

    READ = "read"  # a join time that WeCom's read shows; for an end: a read that did not show them any more
    EVENT = "event"
    DISMISSAL = "dismissal"


@dataclass(frozen=True)
class Traits:
    """What a read says of a member beside the join time; None = not stated, so what is recorded stays."""

    join_scene: int | None = None
    invitor: str | None = None
    state: str | None = None
    nickname: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    unionid: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Stay:
    """One time of being in a chat. `number` tells the stays of one member apart; it says nothing about their order.

    join_scene: 1 invited, 2 link, 3 QR code, 0 one of the first two (all that an event says). quit_scene: 0 left by
    themselves, 1 removed. None is unknown.
    """

    member_id: str
    number: int
    kind: Kind
    joined_at: datetime | None = None
    joined_by: Source | None = None
    left_at: datetime | None = None
    left_by: Source | None = None
    quit_scene: int | None = None
    traits: Traits = Traits()


@dataclass(frozen=True)
class ObservedMember:
    kind: Kind
    joined_at: datetime | None
    traits: Traits = Traits()


@dataclass(frozen=True)
class Observed:
    """One read of a chat. None = not stated; `members` is None when the read shows nobody at all."""

    chat_id: str
    observed_at: datetime
    name: str | None = field(default=None, repr=False)
    owner: UserId | None = None
    notice: str | None = field(default=None, repr=False)
    admins: tuple[str, ...] | None = None
    created_at: datetime | None = None
    member_version: str | None = None
    members: Mapping[str, ObservedMember] | None = None


class Unreadable(StrEnum):
    """Why a chat cannot be read."""

    DISMISSED = "dismissed"
    UNKNOWN = "unknown"  # not there yet, or not any more
    HIDDEN = "hidden"  # its owner is out of the app's scope, or has no customer-contact function


@dataclass(frozen=True)
class NotObserved:
    """A read that WeCom refused."""

    chat_id: str
    observed_at: datetime
    why: Unreadable


WATCHED = ("name", "notice", "owner", "member_version")
"""Fields of which it is kept since when they are as they are: a read that shows no change may be behind."""


@dataclass(frozen=True)
class Chat:
    """A chat as recorded. `since`: field of WATCHED -> start of the read that first showed its present value."""

    chat_id: str
    name: str | None = field(default=None, repr=False)
    owner: UserId | None = None
    notice: str | None = field(default=None, repr=False)
    admins: tuple[str, ...] | None = None
    created_at: datetime | None = None
    member_version: str | None = None
    member_count: int = 0
    dismissed_at: datetime | None = None
    out_of_sight_at: datetime | None = None
    observed_at: datetime | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """What is stored of a chat. `chat` is None when it is new.

    `stays`: by member, all stays of whoever is there now or is named by the read or the evidence.
    """

    chat: Chat | None = None
    stays: Mapping[str, tuple[Stay, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChatFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (CHAT, "chat_id")
    chat_id: str


@dataclass(frozen=True, kw_only=True)
class ChatCreated(ChatFact):
    """A chat is known for the first time. `evidenced`: an event told of its creation."""

    TYPE: ClassVar[str] = "chat_created"
    owner_userid: str | None
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class ChatChanged(ChatFact):
    """`changed` names the fields (name, notice, admins), never their content."""

    TYPE: ClassVar[str] = "chat_changed"
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChatOwnerChanged(ChatFact):
    """A chat has another owner."""

    TYPE: ClassVar[str] = "chat_owner_changed"
    from_userid: UserId
    to_userid: UserId


@dataclass(frozen=True, kw_only=True)
class ChatDismissed(ChatFact):
    """A chat is over. `evidenced`: an event said so; else a read did."""

    TYPE: ClassVar[str] = "chat_dismissed"
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class ChatOutOfSight(ChatFact):
    """It cannot be read any more, and nobody said that it was dismissed: nothing of it is taken for ended."""

    TYPE: ClassVar[str] = "chat_out_of_sight"


@dataclass(frozen=True, kw_only=True)
class ChatInSight(ChatFact):
    """A chat that was out of sight, or taken for dismissed, can be read again."""

    TYPE: ClassVar[str] = "chat_in_sight"


@dataclass(frozen=True, kw_only=True)
class ChatMemberFact(ChatFact):
    """About a person in a chat. Its subject is the person, whose timeline it belongs to: the chat has the stays."""

    member_id: str
    kind: str

    @property
    def subject(self) -> tuple[str, str]:
        return ("external_contact" if self.kind == Kind.CUSTOMER else "associate"), self.member_id


@dataclass(frozen=True, kw_only=True)
class ChatMemberJoined(ChatMemberFact):
    """`evidenced`: an event told of it; else a read found it."""

    TYPE: ClassVar[str] = "chat_member_joined"
    scene: int | None
    invitor: str | None
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class ChatMemberLeft(ChatMemberFact):
    """`by`: event, read (they were not found any more) or dismissal (of the chat)."""

    TYPE: ClassVar[str] = "chat_member_left"
    scene: int | None
    by: str


@dataclass(frozen=True, kw_only=True)
class ChatMemberReturned(ChatMemberFact):
    """A stay that was taken for over goes on: what told its end was wrong, or a read was behind."""

    TYPE: ClassVar[str] = "chat_member_returned"
