"""What WeCom does not publish about statistics."""

from dataclasses import dataclass


@dataclass
class StatisticsSettings:
    # Not published: the hour of the next morning (UTC+8) at which a day's numbers are ready.
    ready_hour: int = 6
    # Both were seen of days that are not ready: numbers that are zero, and no day at all.
    unready_days_are_missing: bool = False
