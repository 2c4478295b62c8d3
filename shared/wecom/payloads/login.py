"""Who signed in, and tickets for pages."""

from dataclasses import dataclass, field

from shared.ids import ExternalUserId, UserId
from shared.wecom.payloads.reading import IDENTITY, called


@dataclass(frozen=True)
class SignedIn:
    """A member has `userid` (`CorpId/userid` of linked corps), anybody else `openid`.

    `user_ticket` lives 1800 s; only for members in sight who agreed to give private fields.
    """

    userid: UserId | None = field(metadata=called("userid", "UserId"))
    user_ticket: str | None
    openid: str | None = field(metadata=called("openid", "OpenId"))
    external_userid: ExternalUserId | None
    device_id: str | None = field(metadata=called("DeviceId"))


@dataclass(frozen=True)
class MemberDetail:
    """What the member agreed to give; the name is not among it. gender: "0" unknown, "1", "2"."""

    userid: UserId = field(metadata=IDENTITY)
    gender: str | None
    avatar: str | None
    qr_code: str | None
    mobile: str | None
    email: str | None
    biz_mail: str | None
    address: str | None


@dataclass(frozen=True)
class Ticket:
    """`expires_in` is seconds."""

    ticket: str = field(metadata=IDENTITY)
    expires_in: int = field(metadata=IDENTITY)
