"""Frequency and concurrency limits: per corp and API, per address and API, and whatever a family counts.

A family counts with `world.limiter.take(key, limit, window="hour", now=world.now())`, or `call.take(...)`, which raises
45009. `key` is any tuple that begins with the family's own name. The window is minute, hour, day (a natural day of
UTC+8) or month (30 days). One call too many starts a block: 60 s, 60 minutes, the rest of the day, 30 days.

Source: WeCom server API, frequency limits (page 90454). Whether windows are fixed or sliding is not published, nor are
the numbers of concurrent calls.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Span = Literal["minute", "hour", "day", "month"]
TOO_OFTEN = 45009
TOO_MANY_AT_ONCE = 45033
DAY_S = 86_400
BEIJING_S = 8 * 3600
LENGTH_S: dict[Span, int] = {"minute": 60, "hour": 3600, "day": DAY_S, "month": 30 * DAY_S}
# A sliding window is counted in so many pieces: it is never longer than it says, and shorter by one piece at most.
PIECES: dict[Span, int] = {"minute": 60, "hour": 60, "day": 1, "month": 30}
DEBUG_PER_MINUTE = 5
# Sending does not count against the basic limits: it has limits of its own.
UNCOUNTED = frozenset({"message/send", "appchat/send"})


@dataclass
class Limits:
    """Numbers of calls; 0 switches a limit off.

    `concurrency` is per corp and reading API, `concurrency_all` per corp and any API: neither is published.
    """

    per_minute: int = 10_000
    per_hour: int = 150_000
    ip_per_minute: int = 20_000
    ip_per_hour: int = 600_000
    provider_ip_per_minute: int = 40_000
    provider_ip_per_hour: int = 1_200_000
    concurrency: int = 10
    concurrency_all: int = 200
    # "fixed" windows turn with the clock, "sliding" ones look back from each call; not published.
    window: str = "fixed"


@dataclass(slots=True)
class Meter:
    """Calls of one key within one kind of window."""

    span: Span
    total: int = 0
    pieces: deque[tuple[int, int]] = field(default_factory=deque)
    blocked_until: float = 0.0

    def take(self, limit: int, *, now: float, sliding: bool) -> bool:
        """Count a call; False when it is one too many, which starts the block."""
        if now < self.blocked_until:
            return False
        self._count(now, pieces=PIECES[self.span] if sliding else 1)
        if self.total <= limit:
            return True
        self.blocked_until = now + block_s(self.span, now=now)
        self.pieces.clear()
        self.total = 0
        return False

    def _count(self, now: float, *, pieces: int) -> None:
        piece = int((now + BEIJING_S) // (LENGTH_S[self.span] / pieces))
        while self.pieces and not piece - pieces < self.pieces[0][0] <= piece:
            self.total -= self.pieces.popleft()[1]
        if self.pieces and self.pieces[-1][0] == piece:
            self.pieces[-1] = (piece, self.pieces[-1][1] + 1)
        else:
            self.pieces.append((piece, 1))
        self.total += 1


def block_s(span: Span, *, now: float) -> float:
    """How long a block lasts that starts now: the window's length, for a day what is left of it in UTC+8."""
    return DAY_S - (now + BEIJING_S) % DAY_S if span == "day" else LENGTH_S[span]


class Limiter:
    def __init__(self) -> None:
        self.limits = Limits()
        self._meters: dict[tuple[Hashable, Span], Meter] = {}
        self._under_way: dict[tuple[str, str], int] = {}

    def reset(self) -> None:
        self.limits = Limits()
        self.forget()

    def forget(self) -> None:
        """Clear counts and blocks, keep calls that are being answered now."""
        self._meters.clear()

    def change(self, values: dict[str, Any]) -> None:
        """Set what is named; counts and blocks start anew. ValueError when a name or a value is unknown."""
        known = {item.name for item in fields(Limits)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown limit: {name}")
            if name == "window" and value not in ("fixed", "sliding"):
                raise ValueError("window is fixed or sliding")
        for name, value in values.items():
            setattr(self.limits, name, value if name == "window" else int(value))
        self.forget()

    def take(self, key: Hashable, limit: int, *, window: Span, now: float) -> bool:
        """Count one call of `key`; False when it is beyond `limit` or when an earlier one was and the block lasts."""
        meter = self._meters.get((key, window))
        if meter is None:
            meter = self._meters[key, window] = Meter(window)
        return meter.take(limit, now=now, sliding=self.limits.window == "sliding")

    def is_blocked(self, key: Hashable, *, window: Span, now: float) -> bool:
        meter = self._meters.get((key, window))
        return meter is not None and now < meter.blocked_until

    def count(self, corp_id: str, path: str, *, address: str, provider: bool, debug: bool, now: float) -> int:
        """Count one call against the basic limits; 0, or 45009 when it is beyond one of them.

        `corp_id` is empty when the call speaks for none; then only the address counts.
        """
        if path in UNCOUNTED:
            return 0
        limits = self.limits
        ip_minute = limits.provider_ip_per_minute if provider else limits.ip_per_minute
        ip_hour = limits.provider_ip_per_hour if provider else limits.ip_per_hour
        corp, caller = ("corp", corp_id, path), ("ip", address, path)
        rules: list[tuple[Hashable, Span, int]] = [(caller, "hour", ip_hour), (caller, "minute", ip_minute)]
        if corp_id:
            rules += [(corp, "hour", limits.per_hour), (corp, "minute", limits.per_minute)]
        if debug:
            rules.append((("debug", corp_id, path), "minute", DEBUG_PER_MINUTE))
        if any(limit and self.is_blocked(key, window=window, now=now) for key, window, limit in rules):
            return TOO_OFTEN
        within = [self.take(key, limit, window=window, now=now) for key, window, limit in rules if limit]
        return 0 if all(within) else TOO_OFTEN

    def enter(self, corp_id: str, path: str, *, reads: bool) -> int:
        """Let a call in: 0, then `leave` must follow; 45033 when too many are being answered now."""
        limits, under_way = self.limits, self._under_way.get((corp_id, path), 0)
        most = [limit for limit in (limits.concurrency if reads else 0, limits.concurrency_all) if limit]
        if most and under_way >= min(most):
            return TOO_MANY_AT_ONCE
        self._under_way[corp_id, path] = under_way + 1
        return 0

    def leave(self, corp_id: str, path: str) -> None:
        self._under_way[corp_id, path] -= 1
