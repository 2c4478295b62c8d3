"""Values of message cards and of presses on their buttons. Pure.

Authority: who may press is decided here; what a press changes is the authority of what it changes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.notices.model import POOL_GIVEN, RELATION_LOST, SOP_OVERDUE, SOP_STEP
from services.notices.settled import Says
from services.planning import Fact
from services.pool.model import Reason
from shared.ids import CustomerId, OutboxId, UserId

SPENT = 60140
"""The response code is unknown, used or too old. Source: WeCom server API, global error codes (page 90313)."""
QUESTION = "reason"
"""What a card's list of choices asks."""


class Button(StrEnum):
    """Keys of buttons: they stay, since cards of long ago are pressed too."""

    ADDED = "added"
    UNREACHABLE = "unreachable"
    WIN_BACK = "win_back"
    DONE = "done"


class Sign(NamedTuple):
    """A short text in both languages, 10 characters at most where WeCom shows it on a button."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


CAPTIONS: Mapping[Button, Sign] = {
    Button.ADDED: Sign("已添加", "Added"),
    Button.UNREACHABLE: Sign("联系不上", "No contact"),
    Button.WIN_BACK: Sign("去挽回", "Win back"),
    Button.DONE: Sign("完成", "Done"),
}
SIGNS: Mapping[Says, Sign] = {
    Says.ADDED: Sign("已添加", "Added"),
    Says.UNREACHABLE: Sign("已标记联系不上", "Marked: no contact"),
    Says.TASK_MADE: Sign("已加入待办", "On your list"),
    Says.CAME_BACK: Sign("客户已回来", "They are back"),
    Says.DONE: Sign("已完成", "Done"),
    Says.NOT_THEIRS: Sign("已不由您跟进", "No longer yours"),
    Says.NOTHING_TO_DO: Sign("无需处理", "Nothing to do"),
}
REASONS: Mapping[Reason, Sign] = {
    Reason.NO_ANSWER: Sign("无人接听", "no answer"),
    Reason.WRONG_NUMBER: Sign("号码有误", "wrong number"),
    Reason.NO_WECHAT: Sign("没有微信", "not on WeChat"),
    Reason.REQUEST_IGNORED: Sign("未通过申请", "request ignored"),
    Reason.NOT_INTERESTED: Sign("没有意向", "not interested"),
}
"""The reasons that a card offers, the first one chosen; "other" needs words, which a card has no room for (POOL-8)."""
ASKS = Sign("联系不上的原因", "Why no contact")

BUTTONS: Mapping[str, tuple[Button, ...]] = {
    POOL_GIVEN: (Button.ADDED, Button.UNREACHABLE),
    RELATION_LOST: (Button.WIN_BACK,),
    SOP_STEP: (Button.DONE,),
    SOP_OVERDUE: (Button.DONE,),
}
"""The buttons of each kind that has any; what they do is in actions.py."""


def buttons_of(notice: str, payload: Mapping[str, object]) -> tuple[Button, ...]:
    """The buttons of one notice: of several customers in one message none, since a press would not say which."""
    about_one = payload.get("count", 1) == 1
    return BUTTONS.get(notice, ()) if about_one else ()


_TASK_ID = re.compile(r"gx-([1-9][0-9]{0,18})-([0-9a-f]{16})\Z")


def task_id_of(outbox_id: OutboxId, seal: bytes) -> str:
    """Unique per app, also after the database was made anew, which counts from 1 again: `seal` is of its own key."""
    return f"gx-{outbox_id}-{seal.hex()[:16]}"


def outbox_id_of(task_id: str) -> OutboxId | None:
    """The notice that a card is of; None: it is none of ours."""
    match = _TASK_ID.match(task_id)
    return OutboxId(int(match[1])) if match and int(match[1]) < 2**63 else None


@dataclass(frozen=True)
class Press:
    """What an event says of a press. `selected`: the chosen option of each question."""

    task_id: str
    key: str
    userid: UserId
    agent_id: str
    response_code: str = field(repr=False)
    selected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """The notice that a card is of. `customer_id`: whom its fact is about, as far as that is known."""

    outbox_id: OutboxId
    notice: str
    recipient: UserId
    about: UserId | None
    fact: Fact
    customer_id: CustomerId | None

    @property
    def owner(self) -> UserId:
        """Whose matter it is."""
        return self.about or self.recipient


@dataclass(frozen=True)
class Pressed:
    """One press to act upon: by whom, on which card, when it is acted upon."""

    card: Card
    by: UserId
    selected: Mapping[str, str]
    now: datetime

    @property
    def actor(self) -> str:
        """As the audit names them."""
        return f"associate:{self.by}"
