"""Counts. Days are Beijing midnights in Unix seconds; yesterday's counts may be zero until the morning."""

from dataclasses import dataclass, field

from shared.ids import UserId
from shared.wecom.payloads.reading import IDENTITY


@dataclass(frozen=True)
class BehaviorDay:
    """What members did on one day, summed. Share in percent and time in minutes are there only if there were chats."""

    stat_time: int = field(metadata=IDENTITY)
    chat_cnt: int | None
    message_cnt: int | None
    reply_percentage: float | None
    avg_reply_time: float | None
    negative_feedback_cnt: int | None
    new_apply_cnt: int | None
    new_contact_cnt: int | None


@dataclass(frozen=True)
class ChatCounts:
    new_chat_cnt: int | None
    chat_total: int | None
    chat_has_msg: int | None
    new_member_cnt: int | None
    member_total: int | None
    member_has_msg: int | None
    msg_total: int | None
    migrate_trainee_chat_cnt: int | None


@dataclass(frozen=True)
class OwnerCounts:
    """One owner's groups in the window."""

    owner: UserId = field(metadata=IDENTITY)
    data: ChatCounts | None


@dataclass(frozen=True)
class DayCounts:
    """All groups on one day."""

    stat_time: int = field(metadata=IDENTITY)
    data: ChatCounts | None


@dataclass(frozen=True)
class OwnersPage:
    """`next_offset` is None at the end."""

    rows: tuple[OwnerCounts, ...]
    total: int | None
    next_offset: int | None
