"""Values of chats as operators see them.

Authority: everything here is ours and local; WeCom's part of a chat (name, owner, notice, members) is the mirror's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.errors import TerminalError

UNGROUPED = 0
"""Where a chat is that nobody put anywhere: no row, pinned on top, and nothing about it can be changed."""
UNGROUPED_NAMES = {"zh": "未分组", "en": "Ungrouped"}
LOCAL = "local:"
"""Before the id of a local tag of customers, where corp tags may stand beside it."""
MOST_FOLDERS = 500
LONGEST_NAME = 50
LONGEST_DESCRIPTION = 500
LONGEST_CONTENT = 4000
MOST_REMIND_MINUTES = 360
MOST_AT_ONCE = 10_000
"""Chats that are named one by one; a filter may find any number."""
MOST_OF_EVENT = 1000
MOST_TREND_DAYS = 366


class NoSuchChatError(TerminalError):
    """This corp has no such chat."""


class NoSuchFolderError(TerminalError):
    """There is none (any more)."""


class NoSuchChatTagError(TerminalError):
    """There is no such tag or group of tags (any more)."""


class NoSuchChatEventError(TerminalError):
    """There is none."""


class NameTakenError(TerminalError):
    """Something of this kind has the name already; names that differ by width or case only are one."""


class OrderStaleError(TerminalError):
    """What was put in order is not all there is: somebody made or deleted one meanwhile."""


class ChatRefusedError(TerminalError):
    """It cannot be done; the text says why."""


@dataclass(frozen=True)
class Folder:
    id: int
    name: str
    chat_count: int = 0
    """Chats that are not dismissed."""


class Sort(StrEnum):
    CREATED = "created"
    MEMBERS = "members"
    JOINED_TODAY = "joined_today"
    LEFT_TODAY = "left_today"
    NAME = "name"


@dataclass(frozen=True)
class ChatFilter:
    """Chats for which all that is given holds.

    name: part of it, width and case are no difference. outlet_ids: main departments of owners. folder_ids: 0 is
    Ungrouped. dismissed: None for both.
    """

    name: str | None = None
    owner_userids: Sequence[str] = ()
    outlet_ids: Sequence[int] = ()
    folder_ids: Sequence[int] = ()
    any_tags: Sequence[int] = ()
    all_tags: Sequence[int] = ()
    no_tags: Sequence[int] = ()
    dismissed: bool | None = False


@dataclass(frozen=True)
class ChatIds:
    """Chats that are named one by one, dismissed or not."""

    ids: Sequence[str]


Chosen = ChatFilter | ChatIds


@dataclass(frozen=True)
class ChatsAfter:
    """The last row of the page before; `day` is what that page called today."""

    day: date
    value: datetime | int | str | None
    chat_id: str


@dataclass(frozen=True)
class Day:
    """A day in the corp's time zone; `member_count` is at its end."""

    day: date
    joined_count: int
    left_count: int
    member_count: int


@dataclass(frozen=True)
class ChatEvent:
    """Something planned with chats. `remind_minutes` before the start the owners are to be reminded; None: not."""

    name: str
    content: str
    starts_at: datetime
    remind_minutes: int | None
    chat_ids: Sequence[str]
