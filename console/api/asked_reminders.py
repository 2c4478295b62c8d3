"""Bodies, paths and queries about notifications and reminders, as they are sent."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from console.api import examples_reminders as examples
from console.api.asked import Cursor, Limit
from console.api.fields import Body, Id, Moment, Number

LONGEST_WAIT_S = 30 * 86_400
State = Literal["due", "sent", "folded", "withdrawn", "expired", "refused", "dead", "in_doubt"]
Notice = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
OfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM in the corp's time zone")]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_WAIT_S, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class NotificationsQuery(Body):
    """All that are named must hold; `since` and `until` are times of when it came about."""

    cursor: Cursor | None = None
    limit: Limit = 100
    state: State | None = None
    notice: Notice | None = Field(default=None, description="A kind, such as new_customer")
    recipient: Id | None = None
    since: Moment | None = None
    until: Moment | None = None


class NotificationPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class RetryBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.RETRY})
    accept_duplicate: Flag = Field(
        default=False, description="What is in doubt may have arrived: it may arrive a second time"
    )
    reason: Annotated[str, Field(max_length=500)] | None = None


class HoursIn(Body):
    """From a time of day until before another; they may pass midnight."""

    from_: OfDay = Field(alias="from")
    until: OfDay

    @model_validator(mode="after")
    def _some(self) -> "HoursIn":
        if self.from_ == self.until:
            raise ValueError("from and until are the same: that is no time at all; say null")
        return self


class PolicyBody(Body):
    """In place of all that was set. `quiet` null: no quiet hours."""

    model_config = ConfigDict(json_schema_extra={"example": examples.POLICY})
    stages_on: Flag = Field(default=True, description="The one switch over all messages of stages")
    administrators: list[Id] = Field(default=[], max_length=50, description="Userids")
    undeliverable: Literal["superior", "administrators", "nobody"] = Field(
        default="superior", description="Who hears of it when the recipient cannot be reached"
    )
    quiet: HoursIn | None = None


class SwitchPath(Body):
    notice: Notice = Field(json_schema_extra={"example": "relation_lost"})


class SwitchQuery(Body):
    stage_id: Number | None = Field(default=None, description="For customers in this stage; else wherever they are")


class SwitchBody(Body):
    """In place of all that was set; null is as usual for the kind."""

    model_config = ConfigDict(json_schema_extra={"example": examples.SWITCH})
    enabled: Flag | None = None
    superior: Flag | None = Field(default=None, description="They hear of it, too")
    administrators: Flag | None = None
    urgent: Flag | None = Field(default=None, description="It goes out in quiet hours")
    delay_s: Seconds | None = Field(default=None, description="Told so long after it happened")
    gather_s: Seconds | None = Field(default=None, description="Waits so long for others to be told with")
    apart_s: Seconds | None = Field(default=None, description="After one of its kind, the next waits so long")
    ttl_s: Annotated[int, Field(ge=1, le=LONGEST_WAIT_S, strict=True)] | None = Field(
        default=None, description="Not sent any more so long after it was to go out"
    )


class QuietPath(Body):
    userid: Id = Field(json_schema_extra={"example": "LiNa"})


class QuietBody(Body):
    """`quiet` null: none at all, whatever the corp's are."""

    model_config = ConfigDict(json_schema_extra={"example": examples.QUIET})
    quiet: HoursIn | None
