"""The numbers of message sending that WeCom does not publish, or may tune."""

from dataclasses import dataclass

REFUSE, DROP = "refuse", "drop"


@dataclass
class MessageSettings:
    # Per app and member; beyond it messages are dropped silently.
    # Source: WeCom server API, frequency limits (page 90454). Fixed or sliding windows: not published; here they slide.
    member_per_minute: int = 30
    member_per_hour: int = 1000
    # Each app may reach so many members a day as `accounts` (0: the corp's members) times this.
    # Source: the same page. Neither the answer beyond it nor its day is published: here 45009 until midnight in UTC+8.
    accounts: int = 0
    person_times_per_account: int = 200
    # Not published: "refuse" answers 45009 beyond the day's number, "drop" answers 0 and delivers nothing.
    beyond_the_day: str = REFUSE
    # Not published: a larger request is refused with 40206.
    most_body_bytes: int = 8_000_000
