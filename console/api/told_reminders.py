"""Bodies about notifications and reminders, as they are answered."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from console.api.personal import Document


class NotificationOut(BaseModel):
    """`outcome`: what became of its message; of a folded one, of the message that tells of it (`folded_into`).

    `folds`: how many its message tells of. `about`: whose matter it is, where somebody else hears of it. `fair_at`:
    when it was meant to go out. `in_doubt_since`: a try whose outcome is not known. `recall`: null, wanted, done, late
    or failed.
    """

    id: int
    notice: str
    recipient: str
    about: str | None
    state: str
    outcome: str
    folded_into: int | None
    folds: int
    attempts: int
    created_at: datetime
    fair_at: datetime
    next_try_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    in_doubt_since: datetime | None
    recall: str | None
    last_error: str | None
    fact_id: int | None
    fact_type: str | None


class NotificationsOut(BaseModel):
    notifications: list[NotificationOut]
    next_cursor: str | None


class TryOut(BaseModel):
    """`outcome`: started (the process died in it, or it is under way), accepted, refused, retry, unknown."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    code: int | None
    detail: str | None


class NotificationDetailOut(NotificationOut):
    """`message`: what WeCom was sent; null: not rendered yet."""

    tries: list[TryOut]
    message: Document | None


class HoursOut(BaseModel):
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)
    from_: str = Field(alias="from")
    until: str


class PolicyOut(BaseModel):
    """`own_quiet_count`: associates with quiet hours of their own."""

    stages_on: bool
    administrators: list[str]
    undeliverable: str
    quiet: HoursOut | None
    timezone: str
    own_quiet_count: int


class SwitchOut(BaseModel):
    """`wished`: what is set for exactly this; null is as usual. `effective`: what holds. `together`: several that are
    due for one recipient are told in one message.
    """

    notice: str
    stage_id: int | None
    wished: dict[str, Any]
    effective: dict[str, Any]
    together: bool


class QuietOut(BaseModel):
    """`own`: the associate's own, in place of the corp's. `quiet`: what holds."""

    userid: str
    own: bool
    quiet: HoursOut | None
