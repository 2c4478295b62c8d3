"""Answers about welcome messages."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from console.api.personal import Words
from services.welcomes.model import SavedRule, State


class WelcomeRuleOut(BaseModel):
    id: int
    name: str
    enabled: bool
    userids: list[str]
    department_ids: list[int]
    states: list[str]
    weekdays: list[int]
    from_time: str | None
    until_time: str | None
    priority: int
    text: str | None
    attachments: list[dict[str, Any]]
    created_at: datetime
    created_by: str
    updated_at: datetime

    @classmethod
    def of(cls, saved: SavedRule) -> Self:
        values = asdict(saved.draft)
        times = {name: values[name] and values[name].strftime("%H:%M") for name in ("from_time", "until_time")}
        return cls(
            **values | times,
            id=saved.rule.id,
            created_at=saved.created_at,
            created_by=saved.created_by,
            updated_at=saved.updated_at,
        )


class WelcomeRulesOut(BaseModel):
    """The oldest first. Which of them speaks, `/welcome-rules:preview` says."""

    rules: list[WelcomeRuleOut]


class WelcomePreviewOut(BaseModel):
    """`rule` null: nothing would be said. `sends`: false while the corp is observed only (`pushes = false`).

    `left_out`: attachments whose file WeCom does not have yet.
    """

    rule: WelcomeRuleOut | None
    sends: bool
    text: Words | None
    attachment_count: int
    left_out: int


class WelcomeFileOut(BaseModel):
    """`media_until`: until when WeCom has it; it is uploaded once a rule sends it, and again in time.

    `problem`: why the last upload failed.
    """

    id: int
    kind: str
    name: str
    size: int
    created_at: datetime
    created_by: str
    media_until: datetime | None
    problem: str | None


class WelcomeFilesOut(BaseModel):
    files: list[WelcomeFileOut]


class WelcomeOut(BaseModel):
    """`received_at`: when the event came. `in_doubt`: a try was never answered. `left_out`: attachments that stayed
    behind. `errcode`: WeCom's last one; with `sent` it said that the code is used, after a try without an answer.
    """

    id: int
    userid: str
    external_userid: str
    state: State
    rule_id: int | None
    contact_state: str | None
    half: bool
    received_at: datetime
    first_try_at: datetime | None
    settled_at: datetime | None
    attempts: int
    in_doubt: bool
    left_out: int
    errcode: int | None
    problem: str | None


class WelcomesOut(BaseModel):
    """Newest first."""

    welcomes: list[WelcomeOut]


class WelcomesOfRuleOut(BaseModel):
    """`rule_id` null: no rule was chosen."""

    rule_id: int | None
    count: int
    sent: int


class WelcomeTotalsOut(BaseModel):
    """Of events that came in that time, by what became of them, and by rule."""

    since: datetime
    until: datetime
    states: dict[State, int]
    rules: list[WelcomesOfRuleOut]
