"""When a reminder goes out, and who hears of it when its recipient cannot be reached. Pure.

The order of what decides: what nobody meant to send yet waits; one of its kind waits until `apart_s` after the last;
and nothing that is not urgent goes out in its recipient's quiet hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.reminders.model import Policy, Quiet
from shared.ids import UserId

MINUTE = timedelta(minutes=1)
GATHERS_ON = timedelta(seconds=40)
"""So much longer than by itself the first of several waits for more at most: with the usual five seconds, those who are
told of a burst hear within a minute of its beginning.
"""
LOOKS_AGAIN = timedelta(seconds=2)
"""How often it is asked whether more is to come."""


@dataclass(frozen=True)
class Gathering:
    """Several notices that wait to be told together. `first`, `last`: until when each would wait by itself.

    `more_to_come`: what brought them about is still under way.
    """

    first: datetime
    last: datetime
    more_to_come: bool = False

    @property
    def end(self) -> datetime:
        """They go then at the latest."""
        return self.first + GATHERS_ON


def gathered_at(gathering: Gathering, *, now: datetime) -> datetime:
    """When they go, or it is to be asked again: when nothing was added for as long as each of them waits."""
    last = max(gathering.last, now + LOOKS_AGAIN) if gathering.more_to_come else gathering.last
    return min(last, gathering.end)


def after_quiet(moment: datetime, quiet: Quiet | None, timezone: str) -> datetime:
    """The first moment, at `moment` or after it, whose time of day there is not quiet.

    A day on which clocks are changed has the hours that its clocks show: an end that is skipped is over when it is.
    """
    if quiet is None or quiet.start == quiet.end:
        return moment
    zone = ZoneInfo(timezone)
    while _is_quiet(moment, quiet, zone):
        moment = _end(moment, quiet, zone)
    return moment


def _is_quiet(moment: datetime, quiet: Quiet, zone: ZoneInfo) -> bool:
    at = moment.astimezone(zone).time()
    if quiet.start < quiet.end:
        return quiet.start <= at < quiet.end
    return at >= quiet.start or at < quiet.end


def _end(moment: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime:
    """When the clock there next shows the end, or next jumps, whichever is first; after that one looks again."""
    local = moment.astimezone(zone)
    day = local.date() if local.time() < quiet.end else local.date() + timedelta(days=1)
    wall = datetime.combine(day, quiet.end, zone)
    end = min(
        (at for fold in (0, 1) if (at := wall.replace(fold=fold).astimezone(moment.tzinfo)) > moment),
        default=moment + MINUTE,
    )
    if end.astimezone(zone).utcoffset() == local.utcoffset():
        return end
    return _jump(moment, end, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The minute between the two at which the zone's offset is no longer that of `before`."""
    offset = before.astimezone(zone).utcoffset()
    minutes = int((after - before) / MINUTE) + 1
    low, high = 0, minutes
    while high - low > 1:
        middle = (low + high) // 2
        if (before + middle * MINUTE).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    jump = before + high * MINUTE
    return jump.replace(second=0, microsecond=0)


def goes_at(
    fair_at: datetime,
    *,
    now: datetime,
    told_at: datetime | None,
    apart_s: int,
    urgent: bool,
    quiet: Quiet | None,
    timezone: str,
) -> datetime:
    """When a reminder goes out, as far as is known `now`; not before `now`.

    `fair_at`: before that, nobody meant to send it. `told_at`: when its recipient was last told of something like it;
    further ahead than `apart_s` it was noted by a clock that ran ahead, and counts for nothing.
    """
    at, apart = max(now, fair_at), timedelta(seconds=apart_s)
    if told_at is not None and told_at <= now + apart:
        at = max(at, told_at + apart)
    return at if urgent else after_quiet(at, quiet, timezone)


def moved_to(
    fair_at: datetime,
    *,
    now: datetime,
    meant_at: datetime,
    apart_s: int,
    quiet: Quiet | None,
    timezone: str,
) -> datetime | None:
    """When one that waits, and is not urgent, goes out after quiet hours were changed; None: as it is.

    `fair_at`: when it was to go out by those before; what waits because one of its kind was just told waits on.
    """
    begins = max(now, meant_at)
    if fair_at <= begins + timedelta(seconds=apart_s):
        begins = max(begins, fair_at)
    at = after_quiet(begins, quiet, timezone)
    return None if at == fair_at or (at <= now and fair_at <= now) else at


def instead_of(
    recipient: UserId, about: UserId | None, policy: Policy, superiors: Mapping[UserId, Sequence[UserId]]
) -> tuple[tuple[UserId, ...], ...]:
    """Who hears of it in place of a recipient who cannot be reached: groups, the first of which that can be reached.

    `about`: whose matter it is; that is never who hears of it instead.
    """
    never = {recipient, about}
    above = tuple(one for one in superiors.get(recipient, ()) if one not in never)
    administrators = tuple(one for one in policy.administrators if one not in never)
    match policy.undeliverable:
        case "superior":
            return tuple(group for group in (above, administrators) if group)
        case "administrators":
            return (administrators,) if administrators else ()
    return ()
