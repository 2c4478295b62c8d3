"""Group messages: whom they ask to send, what was sent, and how often each customer and chat received one.

Source: WeCom server API, group messages (pages 92135 and 93338).
"""

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

from simulator.broadcasts.settings import DAY, WEEK

SINGLE, GROUP = "single", "group"
BY_CORP, BY_MEMBER = 0, 1
BEIJING = timezone(timedelta(hours=8))


class TaskStatus(IntEnum):
    UNSENT = 0
    SENT = 2


class RowStatus(IntEnum):
    UNSENT = 0
    SENT = 1
    NO_FRIEND = 2
    OVER_LIMIT = 3


@dataclass
class Task:
    """What one member is asked to send: `targets` are customers or chats, `rows` what became of them, with its time.

    `chooses`: the member names the chats when sending.
    """

    userid: str
    targets: list[str]
    chooses: bool = False
    status: TaskStatus = TaskStatus.UNSENT
    send_time: int = 0
    rows: dict[str, tuple[RowStatus, int]] = field(default_factory=dict)

    def result(self, target: str) -> tuple[RowStatus, int]:
        """What became of one customer or chat, and when."""
        return self.rows.get(target, (RowStatus.UNSENT, 0))


@dataclass
class Broadcast:
    """`creator` is the member of a personal one, "" for one that software made."""

    msgid: str
    chat_type: str
    content: dict[str, Any]
    create_time: int
    dispatched_at: float
    creator: str = ""
    allow_select: bool = False
    tasks: dict[str, Task] = field(default_factory=dict)
    reminded_at: list[float] = field(default_factory=list)
    cancelled: bool = False


def period_of(at: float, rule: str) -> tuple[str, int]:
    """The period of the receiving limit, and how many messages it allows."""
    day = datetime.fromtimestamp(at, BEIJING).date()
    if rule == DAY:
        return day.isoformat(), 1
    if rule == WEEK:
        return "{}-W{}".format(*day.isocalendar()), 7
    return f"{day:%Y-%m}", monthrange(day.year, day.month)[1]


@dataclass
class BroadcastBook:
    """`received` counts by (period, customer or chat); members' own messages count, too."""

    sent: dict[str, Broadcast] = field(default_factory=dict)
    received: Counter[tuple[str, str]] = field(default_factory=Counter)

    def member_renamed(self, old: str, new: str) -> None:
        for broadcast in self.sent.values():
            broadcast.creator = new if broadcast.creator == old else broadcast.creator
            if old in broadcast.tasks:
                broadcast.tasks[old].userid = new
                broadcast.tasks = {task.userid: task for task in broadcast.tasks.values()}

    def receive(self, target: str, *, at: float, rule: str) -> bool:
        """Count one message for a customer or chat; False when it has had its number."""
        period, most = period_of(at, rule)
        if self.received[period, target] >= most:
            return False
        self.received[period, target] += 1
        return True
