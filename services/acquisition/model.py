"""Values of acquisition links (获客助手): a corp's own links through which strangers become customers, and their quota.

No read goes with them yet, so evidence is all there is, and each piece of it becomes one fact.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact

ACQUISITION_LINK = "acquisition_link"
"""Subject kind: one link, by LinkId."""
ACQUISITION_QUOTA = "acquisition_quota"
"""Subject kind: how many more customers the links may bring."""
CORP = "corp"
"""The one key of that kind."""
STARTED_CHAT = "acquisition_chat_started"
"""Evidence kind of an external contact: their first message, through a link."""


class QuotaNews(StrEnum):
    """Evidence kinds of the quota."""

    LOW = "balance_low"  # fewer than 20 left
    EXHAUSTED = "balance_exhausted"
    INCREASED = "balance_increased"  # from none to some
    EXPIRES_SOON = "quota_expire_soon"


class LinkNews(StrEnum):
    """Evidence kinds of a link."""

    UNAVAILABLE = "link_unavailable"
    DELETED = "delete_link"
    OPENED_PROFILE = "open_profile"
    SENT_REQUEST = "friend_request"
    STARTED_CHAT = "customer_start_chat"
    WENT_ON = "message_from_customer"  # the third, fifth or tenth message


USES = frozenset({LinkNews.OPENED_PROFILE, LinkNews.SENT_REQUEST, LinkNews.STARTED_CHAT, LinkNews.WENT_ON})
"""What a stranger does with a link, step by step."""


@dataclass(frozen=True)
class Evidence:
    """One thing that an event said. `caused_by` names the event's inbox row."""

    key: str
    kind: str
    occurred_at: datetime
    userid: str | None = None
    external_userid: str | None = None
    add_state: str | None = None
    count: int | None = None
    caused_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class AcquisitionQuotaChanged(Fact):
    """`count`: of a quota that expires, how many uses go with it."""

    TYPE: ClassVar[str] = "acquisition_quota_changed"
    SUBJECT: ClassVar[tuple[str, str]] = (ACQUISITION_QUOTA, "quota")
    quota: str = CORP
    news: str
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class AcquisitionLinkFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (ACQUISITION_LINK, "link_id")
    link_id: str


@dataclass(frozen=True, kw_only=True)
class AcquisitionLinkUnavailable(AcquisitionLinkFact):
    """A customer acquisition link cannot be used any more."""

    TYPE: ClassVar[str] = "acquisition_link_unavailable"


@dataclass(frozen=True, kw_only=True)
class AcquisitionLinkDeleted(AcquisitionLinkFact):
    """A customer acquisition link was deleted."""

    TYPE: ClassVar[str] = "acquisition_link_deleted"


@dataclass(frozen=True, kw_only=True)
class AcquisitionLinkUsed(AcquisitionLinkFact):
    """A stranger took one step. Only of the one who starts a chat is it known who they are."""

    TYPE: ClassVar[str] = "acquisition_link_used"
    step: str
    add_state: str | None = None
    userid: str | None = None
    external_userid: str | None = None
