"""Who may hand over and take over, and how often.

Source: WeCom server API, assign customers (pages 92125 and 94081), global error codes (page 90313).
"""

from simulator.records import Member, PairState
from simulator.transfers.book import Status, Transfer
from simulator.transfers.settings import TransferSettings

DAY_S, BEIJING_S = 86_400, 8 * 3600
YEAR_S = 365 * DAY_S
IN_SERVICE = 1
MOST_IN_PERIOD, PERIOD_DAYS = 2, 90


def day_number(at: float) -> int:
    """Natural days are those of UTC+8."""
    return (int(at) + BEIJING_S) // DAY_S


def is_stale(member: Member, *, at: float) -> bool:
    """True when the last login lies more than a year before `at`."""
    return member.last_login is not None and at - member.last_login > YEAR_S


def is_full(member: Member, *, settings: TransferSettings) -> bool:
    cap = member.contact_cap or settings.contact_cap
    if len(member.pairs) < cap:
        return False
    return sum(pair.state is PairState.ACTIVE for pair in member.pairs.values()) >= cap


def taker_refusal(taker: Member, *, settings: TransferSettings, now: float) -> int:
    """The code for a takeover member who may not take over at all, 0 for one who may; the cap is not looked at."""
    if not taker.has_customer_contact:
        return settings.no_function_code
    if taker.banned:
        return 40143
    if taker.status != IN_SERVICE:
        return settings.not_activated_code
    if not taker.verified:
        return 40098
    return 40205 if is_stale(taker, at=now) else 0


def used_up(earlier: list[Transfer], *, settings: TransferSettings, now: float) -> bool:
    """True when a customer of members in service was passed on twice in 90 natural days."""
    today = day_number(now)
    counted = {Status.DONE, Status.WAITING} | ({Status.REFUSED} if settings.refused_counts else set())
    recent = [item for item in earlier if not item.resigned and today - day_number(item.asked_at) < PERIOD_DAYS]
    return sum(item.status in counted for item in recent) >= MOST_IN_PERIOD
