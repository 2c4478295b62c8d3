"""Frequency and concurrency limits per corp and API.

Source: WeCom server API, frequency limits (page 90454). Whether the windows are fixed or sliding is not published:
here they are fixed, with a block that starts when a window is exceeded.
"""

from dataclasses import dataclass

TOO_OFTEN = 45009
TOO_MANY_AT_ONCE = 45033


@dataclass(slots=True)
class Window:
    minute: int = 0
    in_minute: int = 0
    hour: int = 0
    in_hour: int = 0
    blocked_until: float = 0.0
    in_flight: int = 0


@dataclass
class Limits:
    """Numbers of calls; 0 switches a limit off. The concurrency number is not published."""

    per_minute: int = 10_000
    per_hour: int = 150_000
    concurrency: int = 200


class Limiter:
    def __init__(self) -> None:
        self.limits = Limits()
        self._windows: dict[tuple[str, str], Window] = {}

    def reset(self) -> None:
        self.limits = Limits()
        self.forget()

    def forget(self) -> None:
        """Clear counts and blocks, keep calls that are being answered now."""
        for window in self._windows.values():
            window.in_minute = window.in_hour = 0
            window.blocked_until = 0.0

    def enter(self, corp_id: str, path: str, *, now: float) -> int:
        """Count one call; 0 lets it in (then `leave` must follow), otherwise the error code."""
        window = self._windows.setdefault((corp_id, path), Window())
        limits = self.limits
        if limits.concurrency and window.in_flight >= limits.concurrency:
            return TOO_MANY_AT_ONCE
        if path != "message/send":  # sending has limits of its own, per member
            if now < window.blocked_until:
                return TOO_OFTEN
            self._count(window, now=now)
            if limits.per_hour and window.in_hour > limits.per_hour:
                window.blocked_until = now + 3600
                return TOO_OFTEN
            if limits.per_minute and window.in_minute > limits.per_minute:
                window.blocked_until = now + 60
                return TOO_OFTEN
        window.in_flight += 1
        return 0

    def leave(self, corp_id: str, path: str) -> None:
        self._windows[corp_id, path].in_flight -= 1

    @staticmethod
    def _count(window: Window, *, now: float) -> None:
        minute, hour = int(now // 60), int(now // 3600)
        if window.minute != minute:
            window.minute, window.in_minute = minute, 0
        if window.hour != hour:
            window.hour, window.in_hour = hour, 0
        window.in_minute += 1
        window.in_hour += 1
