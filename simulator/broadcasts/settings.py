"""What WeCom does not publish about group messages, and what an administrator may set."""

from dataclasses import dataclass
from typing import Any

MONTH, WEEK, DAY = "month", "week", "day"


@dataclass
class BroadcastSettings:
    # Not published: how long the reads answer 41063 after the creation.
    dispatch_s: float = 3.0
    # People confirm when they like; 0: only by the act confirm_broadcast.
    auto_confirm_after_s: float = 0.0
    # An administrator's choice: as many a month as it has days (the default), 7 a week, or 1 a day.
    receive_rule: str = MONTH

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "receive_rule" and value not in {MONTH, WEEK, DAY}:
            raise ValueError(f"receive_rule is {MONTH}, {WEEK} or {DAY}")
        super().__setattr__(name, value)
