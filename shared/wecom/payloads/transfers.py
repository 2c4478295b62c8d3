"""What becomes of customers and groups that pass from one member to another."""

from dataclasses import dataclass, field

from shared.ids import ExternalUserId, UserId
from shared.wecom.payloads.reading import AN_ID, IDENTITY


@dataclass(frozen=True)
class TransferRow:
    """What WeCom said to one customer of a request: `errcode` 0 is accepted, which may still fail within 24 h."""

    external_userid: ExternalUserId = field(metadata=IDENTITY)
    errcode: int | None


@dataclass(frozen=True)
class TransferState:
    """status: 1 done, 2 waiting, 3 refused by the customer, 4 takeover member at the limit, 5 no record.

    `takeover_time` is Unix seconds: to come while waiting, 0 after a refusal. A customer may have several rows.
    """

    external_userid: ExternalUserId = field(metadata=IDENTITY)
    status: int | None
    takeover_time: int | None


@dataclass(frozen=True)
class UnassignedCustomer:
    """A customer of a member who left. `dimission_time` is Unix seconds."""

    external_userid: ExternalUserId = field(metadata=IDENTITY | AN_ID)
    handover_userid: UserId = field(metadata=IDENTITY | AN_ID)
    dimission_time: int | None


@dataclass(frozen=True)
class FailedChat:
    """A group that was not passed on, and why; the groups that are not listed are accepted."""

    chat_id: str = field(metadata=IDENTITY)
    errcode: int | None
    errmsg: str | None
