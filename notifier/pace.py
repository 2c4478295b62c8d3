"""Keeps each member's messages within WeCom's limits: what is over them, WeCom drops without saying so. Pure.

Source: WeCom server API, sending application messages: 30 a minute and 1,000 an hour per app and member.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta


class Pace:
    """Counts tries per member over sliding windows; `limits` are (most messages, window)."""

    def __init__(
        self,
        tries: Mapping[str, Sequence[datetime]],
        *,
        now: datetime,
        limits: Sequence[tuple[int, timedelta]],
    ) -> None:
        self._tries = {recipient: sorted(times) for recipient, times in tries.items()}
        self._now, self._limits = now, limits

    def take(self, recipient: str) -> datetime | None:
        """Take one message's place now, or say when there will be one."""
        times = self._tries.setdefault(recipient, [])
        waits = [
            recent[-most] + window
            for most, window in self._limits
            if len(recent := [at for at in times if at > self._now - window]) >= most
        ]
        if waits:
            return max(waits)
        times.append(self._now)
        return None
