"""When a corp's full passes start: by a cron expression in its own time zone, a bit later for each corp. Pure.

A start is due when its moment has passed since the corp's last pass ended: a machine that was off at night catches up
once, and a long pass is not followed by another one at once.
"""

import hashlib
from datetime import UTC, datetime, timedelta, tzinfo

from croniter import croniter

from shared.settings import NEVER


def delay_of(corp_id: str, longest_s: float) -> timedelta:
    """How much later than the cron's time a corp starts: always the same for it, and spread over all corps."""
    drawn = int.from_bytes(hashlib.sha256(corp_id.encode()).digest()[:6]) / 2**48
    return timedelta(seconds=round(drawn * longest_s))


def next_start(cron: str, zone: tzinfo, *, delay: timedelta, after: datetime) -> datetime:
    """The first start later than `after`.

    A local time that a clock change skips is taken an hour later; one that comes twice counts the first time.
    """
    local: datetime = (after - delay).astimezone(zone).replace(tzinfo=None)
    while True:
        local = croniter(cron, local).get_next(datetime)
        moment: datetime = local.replace(tzinfo=zone).astimezone(UTC) + delay
        if moment > after:
            return moment


def is_due(cron: str, zone: tzinfo, *, delay: timedelta, last: datetime, now: datetime) -> bool:
    """`last`: when the last pass ended; one that lies in the future, for a clock was set back, counts as now."""
    return cron not in NEVER and next_start(cron, zone, delay=delay, after=min(last, now)) <= now
