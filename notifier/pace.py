"""Keeps messages within WeCom's limits. What is over a member's, WeCom drops without saying so. Pure.

Source: WeCom server API, sending application messages: 30 a minute and 1,000 an hour per app and member, and 200 a day
for each account of the corp.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta


class Pace:
    """Counts tries per member over sliding windows; `limits` are (most messages, window).

    `left_today` is what the app may still send until `next_day`. A try further ahead than the longest window was noted
    by a clock that ran ahead, and counts for nothing: else nobody would hear anything until that time has come.
    """

    def __init__(
        self,
        tries: Mapping[str, Sequence[datetime]],
        *,
        now: datetime,
        limits: Sequence[tuple[int, timedelta]],
        left_today: int,
        next_day: datetime,
    ) -> None:
        ahead = now + max((window for _, window in limits), default=timedelta())
        self._tries = {recipient: sorted(at for at in times if at <= ahead) for recipient, times in tries.items()}
        self._now, self._limits = now, limits
        self._left_today, self._next_day = left_today, next_day
        self.taken = 0

    def take(self, recipient: str) -> datetime | None:
        """Take one message's place now, or say when there will be one."""
        if self.taken >= self._left_today:
            return self._next_day
        times = self._tries.setdefault(recipient, [])
        waits = [
            recent[-most] + window
            for most, window in self._limits
            if len(recent := [at for at in times if at > self._now - window]) >= most
        ]
        if waits:
            return max(waits)
        times.append(self._now)
        self.taken += 1
        return None
