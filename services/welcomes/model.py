"""Values of welcome messages. Pure.

Authority: ours. Lengths are bytes of UTF-8.
Source: WeCom server API, welcome messages (page 92137), attachments (page 92135).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from shared.ids import UserId

TEXT_BYTES = 4000
MOST_ATTACHMENTS = 9
LINK_TITLE_BYTES, LINK_DESC_BYTES, URL_BYTES, MINIPROGRAM_TITLE_BYTES = 128, 512, 2048, 64
MOST_RULES = 200
MOST_FILES = 200
MEGABYTE = 1024 * 1024
# Source: WeCom server API, temporary media (page 96484).
FILE_BYTES = {"image": 10 * MEGABYTE, "video": 10 * MEGABYTE, "file": 20 * MEGABYTE}
LEAST_FILE_BYTES = 6

Attachment = Mapping[str, Any]
"""`kind`: image, link, miniprogram, video or file; `file_id` names one of ours, the other fields are WeCom's."""


class State(StrEnum):
    """What became of a welcome. `sending` is the only one that is not the end."""

    SENDING = "sending"
    SENT = "sent"
    TAKEN = "taken"
    """Another app, WeCom's own welcome, or the two themselves were quicker."""
    NO_RULE = "no_rule"
    EXPIRED = "expired"
    """Its seconds were over before WeCom took it; `in_doubt` says whether it may have."""
    REFUSED = "refused"


class WelcomeRefusedError(Exception):
    """Its text says why, for people."""


class NoWelcomeRuleError(Exception):
    """There is no such rule."""


class NoWelcomeFileError(Exception):
    """There is no such file."""


@dataclass(frozen=True)
class Rule:
    """When this is said. Times are of the corp's day, from `from_time` until before `until_time`; weekdays 1 to 7."""

    id: int
    userids: frozenset[UserId] = frozenset()
    department_ids: frozenset[int] = frozenset()
    states: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset()
    from_time: time | None = None
    until_time: time | None = None
    priority: int = 0


@dataclass(frozen=True)
class Draft:
    """A rule as somebody wants it; the fields of its table."""

    name: str
    enabled: bool
    userids: Sequence[str]
    department_ids: Sequence[int]
    states: Sequence[str]
    weekdays: Sequence[int]
    from_time: time | None
    until_time: time | None
    priority: int
    text: str | None
    attachments: Sequence[Attachment]


@dataclass(frozen=True)
class SavedRule:
    """A rule as it is kept."""

    rule: Rule
    draft: Draft
    created_at: datetime
    created_by: str
    updated_at: datetime


@dataclass(frozen=True)
class Names:
    """Who meets whom; None where it is not known (yet)."""

    customer: str | None = None
    associate: str | None = None


@dataclass(frozen=True)
class Medium:
    """What WeCom calls a file of ours, and until when it does."""

    media_id: str
    until: datetime


@dataclass(frozen=True)
class Said:
    """A welcome as it goes out. `attachments` as in WeCom's request; `left_out` of them could not go with it."""

    text: str | None
    attachments: tuple[Attachment, ...] = ()
    left_out: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.text and not self.attachments


@dataclass(frozen=True)
class Answer:
    """What a try came to. All None and False: WeCom took it.

    `again`: the same may succeed, after `after_s` if that is known. `lost`: no answer, it may have been taken.
    """

    errcode: int | None = None
    problem: str | None = None
    again: bool = False
    after_s: float | None = None
    lost: bool = False

    @property
    def is_yes(self) -> bool:
        return self.errcode is None and self.problem is None


@dataclass(frozen=True)
class Verdict:
    """How it goes on. `state` SENDING: once more at `again_at`, without files when `bare`."""

    state: State
    in_doubt: bool
    again_at: datetime | None = None
    bare: bool = False
