"""How many calls of one API may start now. Pure: the state is a row that all processes share.

Three limits in one decision: a smooth rate for the minute, a count for the hour, and the calls under way at once.
Whether WeCom's windows are fixed or sliding is not published; what is granted here fits into any window of a minute
and any window of an hour. What is short goes to the more urgent calls: each priority leaves a reserve to those before
it, so that backfill can take all that is left and still never makes a welcome message wait.

Source: WeCom server API, frequency limits (page 90454).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from shared.wecom.apis import Priority

MINUTE_S, HOUR_S = 60.0, 3600.0
SLOTS = 61
"""Minutes that touch an hour: it may begin and end within one."""
SAFE = 0.97
"""Part of a limit that is used: the rest covers calls that reach WeCom later than others."""
BURST = 0.02
"""Part of the minute's limit that may start at the same moment."""
SMALL_BURST = 10
"""So many may start at once also where the limit is small (a group robot: 20 a minute), and the rest follows slower."""
PENALTY_MARGIN_S = 1.0
UNLIMITED = 1_000_000
ENDING_S = 0.05
"""How soon to ask again when it depends on calls that end."""
RECOVERY_S = 30.0
"""After a 45033, one more call at once is allowed each time this has passed."""

RESERVES: Mapping[Priority, tuple[float, float, float]] = {
    Priority.WELCOME: (0.0, 0.0, 0.0),
    Priority.OPERATOR: (0.15, 0.01, 0.0),
    Priority.EVENTS: (0.3, 0.02, 0.1),
    Priority.REMINDERS: (0.45, 0.03, 0.2),
    Priority.BACKFILL: (0.6, 0.05, 0.3),
}
"""What a priority leaves to more urgent ones: parts of the burst, of the hour, of the calls at once."""


@dataclass(frozen=True)
class Limits:
    """WeCom's numbers for one API and corp (or egress address); None = no such limit."""

    per_minute: int | None
    per_hour: int | None
    at_once: int | None


@dataclass(frozen=True)
class Usage:
    """The shared state. Times are Unix seconds; `slots` counts the calls of each minute, the newest at `slot`.

    `at` never goes back: see `agreed`.
    `holders`: process -> (calls under way, when they are forgotten if it died); kept where calls at once are limited.
    """

    tokens: float
    at: float
    slots: tuple[int, ...] = ()
    slot: int = 0
    closed_until: float = 0.0
    closed_at: float = 0.0
    lowered_to: int = 0
    lowered_at: float = 0.0
    holders: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def in_hour(self) -> int:
        return sum(self.slots)

    @property
    def under_way(self) -> int:
        return sum(count for count, _ in self.holders.values())


def unused(limits: Limits, *, now: float) -> Usage:
    return Usage(tokens=_burst(limits), at=now, slots=(0,) * SLOTS, slot=int(now // MINUTE_S))


def advanced(usage: Usage, limits: Limits, *, now: float) -> Usage:
    """The state at `now`: tokens have come in, old minutes are forgotten, and so are processes that died."""
    now = max(now, usage.at)
    slot = int(now // MINUTE_S)
    gone = slot - usage.slot
    return replace(
        usage,
        tokens=min(_burst(limits), usage.tokens + (now - usage.at) * _rate(limits)),
        at=now,
        slots=(*usage.slots[gone:], *(0,) * min(gone, SLOTS)),
        slot=slot,
        holders={name: (count, until) for name, (count, until) in usage.holders.items() if until > now and count},
    )


def room(usage: Usage, limits: Limits, priority: Priority, *, now: float) -> int:
    """How many calls of this priority may start now."""
    if now < usage.closed_until:
        return 0
    burst_part, hour_part, once_part = RESERVES[priority]
    found = []
    if limits.per_minute is not None:
        found.append(floor(usage.tokens - burst_part * (_burst(limits) - 1) + 1e-9))
    if limits.per_hour is not None:
        found.append(floor(limits.per_hour * SAFE * (1 - hour_part)) - usage.in_hour)
    if limits.at_once is not None:
        allowed = allowed_at_once(usage, limits.at_once, now=now)
        found.append(max(1, allowed - floor(allowed * once_part)) - usage.under_way)
    return max(0, min(found)) if found else UNLIMITED


def taken(usage: Usage, count: int = 1) -> Usage:
    """The state after so many calls were let start."""
    return replace(usage, tokens=usage.tokens - count, slots=(*usage.slots[:-1], usage.slots[-1] + count))


def holding(usage: Usage, limits: Limits, count: int, *, holder: str, until: float) -> Usage:
    """The state when a process has so many calls under way.

    All of them, not a difference: should an earlier word have been lost, or have counted without its teller knowing,
    this one puts it right.
    """
    if limits.at_once is None:
        return replace(usage, holders={})
    return replace(usage, holders={**usage.holders, holder: (count, until)})


def wait_s(usage: Usage, limits: Limits, priority: Priority, *, now: float) -> float:
    """About how long until one call of this priority may start; 0.05 s when it depends on calls that end."""
    if now < usage.closed_until:
        return usage.closed_until - now
    burst_part, hour_part, _ = RESERVES[priority]
    if limits.per_hour is not None:
        allowed = floor(limits.per_hour * SAFE * (1 - hour_part))
        if usage.in_hour >= allowed:
            return _until_room_in_hour(usage, allowed, now=now)
    if limits.per_minute is not None:
        missing = 1 + burst_part * (_burst(limits) - 1) - usage.tokens
        if missing > 0:
            return missing / _rate(limits)
    return ENDING_S


def closed(usage: Usage, limits: Limits, *, now: float) -> Usage:
    """The state after a 45009: no call until WeCom's block has ended.

    A minute's limit blocks for 60 s, an hour's for 60 minutes. Which one it was is not said: the second time within
    an hour, or when the hour is nearly used up, it is taken for the hour's. Answers to calls that were under way when
    it closed say nothing new.
    """
    if now < usage.closed_until:
        return usage
    again = usage.closed_at > 0 and now - usage.closed_at < HOUR_S
    full = limits.per_hour is not None and usage.in_hour >= limits.per_hour * 0.9
    block_s = HOUR_S if again or full else MINUTE_S
    return replace(usage, closed_until=now + block_s + PENALTY_MARGIN_S, closed_at=now, tokens=0.0)


def lowered(usage: Usage, limits: Limits, *, now: float) -> Usage:
    """The state after a 45033: half as many calls at once; the answers of one crowd count once."""
    if limits.at_once is None or now - usage.lowered_at < 1:
        return usage
    present = allowed_at_once(usage, limits.at_once, now=now)
    return replace(usage, lowered_to=max(1, present // 2), lowered_at=now)


def allowed_at_once(usage: Usage, most: int, *, now: float) -> int:
    if not usage.lowered_to:
        return most
    return max(1, min(most, usage.lowered_to + floor(max(0.0, now - usage.lowered_at) / RECOVERY_S)))


@dataclass(frozen=True)
class Scope:
    """One shared state and its limits: an API of a corp, or of the address from which we call."""

    usage: Usage
    limits: Limits


def agreed(scopes: Iterable[Scope], *, now: float) -> float:
    """The present time of these states: that of the clock which is ahead of all that asked so far.

    A clock that was set back, or another machine's, then earns nothing twice and forgets nothing too early. Whoever
    finds itself behind goes on from there with its own clock, so that nothing stands still.
    """
    return max(now, *(one.usage.at for one in scopes))


def grant(
    scopes: Sequence[Scope], wanted: Sequence[Priority], *, under_way: int, holder: str, keep_s: float, now: float
) -> tuple[list[Scope], list[bool], float]:
    """Let calls start, the most urgent first; all scopes must have room.

    This process has `under_way` calls, which are forgotten after `keep_s` without a word of it. Returns the new scopes,
    for each wish whether it was granted, and about how many seconds the first that was not has to wait.
    """
    now = agreed(scopes, now=now)

    def state(usage: Usage, limits: Limits) -> Scope:
        return Scope(holding(usage, limits, under_way, holder=holder, until=now + keep_s), limits)

    present = [state(advanced(one.usage, one.limits, now=now), one.limits) for one in scopes]
    granted, wait = [False] * len(wanted), 0.0
    for number in sorted(range(len(wanted)), key=lambda number: wanted[number]):
        priority = wanted[number]
        if min(room(one.usage, one.limits, priority, now=now) for one in present) < 1:
            wait = max(wait_s(one.usage, one.limits, priority, now=now) for one in present)
            break
        under_way += 1
        present = [state(taken(one.usage), one.limits) for one in present]
        granted[number] = True
    return present, granted, wait


def in_advance(scopes: Sequence[Scope], wanted: int, *, now: float) -> tuple[list[Scope], int]:
    """Take starts that will be made in a moment, one after the other; how many there were.

    At most what the least urgent may have, and none when that may not start one more at once.
    """
    if min((room(one.usage, one.limits, Priority.BACKFILL, now=now) for one in scopes), default=0) < 1:
        return list(scopes), 0
    rates = [replace(one.limits, at_once=None) for one in scopes]
    rooms = (room(one.usage, rate, Priority.BACKFILL, now=now) for one, rate in zip(scopes, rates, strict=True))
    count = min(wanted, *rooms)
    return [Scope(taken(one.usage, count), one.limits) for one in scopes], count


def _burst(limits: Limits) -> float:
    per_minute = limits.per_minute or 0
    return max(1.0, per_minute * BURST, min(per_minute / 2, SMALL_BURST))


def _rate(limits: Limits) -> float:
    """Tokens a second, so that a burst and a minute's inflow stay within the limit."""
    per_minute = limits.per_minute or 0
    return max(per_minute * SAFE - _burst(limits), per_minute * 0.5) / MINUTE_S


def _until_room_in_hour(usage: Usage, allowed: int, *, now: float) -> float:
    left = usage.in_hour - allowed + 1
    for age, count in enumerate(usage.slots):
        left -= count
        if left <= 0:
            return max(ENDING_S, (usage.slot + age + 1) * MINUTE_S - now)
    return HOUR_S
