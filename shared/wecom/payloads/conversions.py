"""One person's or member's id as another subject sees it."""

from dataclasses import dataclass, field

from shared.ids import ExternalUserId, UserId
from shared.wecom.payloads.reading import IDENTITY


@dataclass(frozen=True)
class FoundContact:
    """`pending_id` (90 days) stands for a person who is no customer yet."""

    external_userid: ExternalUserId | None
    pending_id: str | None


@dataclass(frozen=True)
class PendingContact:
    external_userid: ExternalUserId = field(metadata=IDENTITY)
    pending_id: str | None


@dataclass(frozen=True)
class OpenUser:
    """A member's plain id, and the one that a provider knows."""

    open_userid: str = field(metadata=IDENTITY)
    userid: UserId = field(metadata=IDENTITY)


@dataclass(frozen=True)
class TemporaryContact:
    """A customer's `external_userid`, or a member (`corpid`, `userid`) of a linked corp."""

    tmp_external_userid: str = field(metadata=IDENTITY)
    external_userid: ExternalUserId | None
    corpid: str | None
    userid: str | None


@dataclass(frozen=True)
class RenewedContact:
    external_userid: ExternalUserId = field(metadata=IDENTITY)
    new_external_userid: ExternalUserId | None


@dataclass(frozen=True)
class OpenUsers:
    """`invalid`: the ids that WeCom does not know, or that were plain already."""

    users: tuple[OpenUser, ...]
    invalid: tuple[str, ...]


@dataclass(frozen=True)
class TemporaryContacts:
    contacts: tuple[TemporaryContact, ...]
    invalid: tuple[str, ...]
