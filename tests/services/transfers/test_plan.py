"""What cannot be asked for is said before WeCom is asked."""

from datetime import timedelta

import pytest

from services.associates.model import Associate, RecordedAssociate
from services.customers.model import State
from services.transfers.model import Refusal, TransferRefusedError
from services.transfers.plan import (
    History,
    Terms,
    check_people,
    day_of,
    refusal_of_chat,
    refusal_of_customer,
    within_period,
)
from shared.ids import UserId
from tests.services.factories import LI, ZHAO, at

NOW = at(0)
DAY = timedelta(days=1)


def one(userid: UserId, *, status: int | None = 1, **changed: object) -> RecordedAssociate:
    known = {"in_sight": True, "has_contact": True, **changed}
    return RecordedAssociate(Associate(userid, status=status), NOW, **known)  # type: ignore[arg-type]


GONE = {"has_contact": False, "in_sight": False}


@pytest.mark.parametrize(
    ("giver", "taker", "departed", "refusal"),
    [
        (one(LI), None, None, Refusal.UNKNOWN_TAKER),
        (None, one(ZHAO), None, Refusal.UNKNOWN_GIVER),
        (one(LI), one(ZHAO, renamed_to=UserId("zhao.min")), None, Refusal.RENAMED),
        (one(LI, renamed_to=UserId("li.na")), one(ZHAO), None, Refusal.RENAMED),
        (one(LI), one(ZHAO, gone_at=NOW, **GONE), None, Refusal.TAKER_LEFT),
        (one(LI), one(ZHAO, in_sight=False), None, Refusal.TAKER_OUT_OF_SIGHT),
        (one(LI), one(ZHAO, has_contact=False), None, Refusal.TAKER_WITHOUT_FUNCTION),
        (one(LI), one(ZHAO, status=4), None, Refusal.TAKER_NOT_ACTIVE),
        (one(LI), one(ZHAO), True, Refusal.GIVER_IN_SERVICE),
        (one(LI, gone_at=NOW - DAY, **GONE), one(ZHAO), False, Refusal.GIVER_LEFT),
        (one(LI, gone_at=NOW - 366 * DAY, **GONE), one(ZHAO), None, Refusal.GIVER_LEFT_TOO_LONG_AGO),
    ],
)
def test_who_cannot_give_or_take(giver, taker, departed, refusal):
    """Each with a reason of its own (TRF-1, TRF-2)."""
    with pytest.raises(TransferRefusedError) as refused:
        check_people(Terms(LI, ZHAO, giver, taker), departed=departed, now=NOW)
    assert refused.value.refusal is refusal


def test_nobody_hands_over_to_themselves():
    """However the userid is spelled: WeCom does not tell capitals apart (TRF-1)."""
    with pytest.raises(TransferRefusedError) as refused:
        check_people(Terms(LI, UserId("lina"), one(LI), one(LI)), departed=None, now=NOW)
    assert refused.value.refusal is Refusal.SAME


@pytest.mark.parametrize(
    ("giver", "left_at", "departed", "has_left"),
    [
        (one(LI), None, None, False),
        (one(LI), None, False, False),
        (one(LI, gone_at=NOW - DAY, **GONE), None, None, True),
        (one(LI, **GONE), NOW - DAY, None, True),
        (None, NOW - DAY, None, True),
        (one(LI), NOW - DAY, None, False),  # they came back
        (one(LI, **GONE), None, True, True),  # who asks knows it, and nothing speaks against it
    ],
)
def test_whether_the_giver_has_left(giver, left_at, departed, has_left):
    """The directory says it, or WeCom's lists of what was left behind (TRF-2)."""
    assert check_people(Terms(LI, ZHAO, giver, one(ZHAO), left_at), departed=departed, now=NOW) is has_left


@pytest.mark.parametrize(
    ("state", "history", "departed", "refusal"),
    [
        (State.ACTIVE, History(), False, None),
        (None, History(), False, Refusal.NOT_A_FRIEND),
        (State.ENDED_BY_CUSTOMER, History(), False, Refusal.NOT_A_FRIEND),
        (State.HALF, History(), False, Refusal.NOT_A_FRIEND),
        (State.TRANSFERRED, History(), True, Refusal.NOT_A_FRIEND),
        (State.ASSOCIATE_LEFT, History(), True, None),
        (State.ACTIVE, History(is_open=True), False, Refusal.UNDER_WAY),
        (State.ACTIVE, History(accepted=(NOW - DAY, NOW - 80 * DAY)), False, Refusal.TOO_OFTEN),
        (State.ACTIVE, History(accepted=(NOW - DAY, NOW - 91 * DAY)), False, None),
        (State.ASSOCIATE_LEFT, History(accepted=(NOW - DAY, NOW - 2 * DAY)), True, None),
    ],
)
def test_which_customers_cannot_be_handed_over(state, history, departed, refusal):
    """Friends only, one handover at a time, two in 90 days of associates in service (TRF-1)."""
    assert refusal_of_customer(state, history, departed=departed, now=NOW) is refusal


def test_which_chats_cannot_be_handed_over():
    """Dismissed, without an owner, or the new owner's already (TRF-3)."""
    known = {"dismissed": False, "owner": LI, "to_userid": ZHAO, "history": History(), "departed": False, "now": NOW}
    cases = {"dismissed": (True, Refusal.CHAT_DISMISSED), "owner": (None, Refusal.CHAT_WITHOUT_OWNER)}
    assert refusal_of_chat(**known) is None
    for name, (value, refusal) in cases.items():
        assert refusal_of_chat(**{**known, name: value}) is refusal
    assert refusal_of_chat(**{**known, "owner": UserId("zhaomin")}) is Refusal.OWNER_ALREADY


def test_days_are_wecoms():
    """Natural days of UTC+8, in the count of 90 days and in an owner's day (TRF-1, TRF-3)."""
    late = at(16 * 3600 - 1)  # 23:59:59 in Beijing
    start, end = day_of(late)
    assert (start, end) == (at(-8 * 3600), at(16 * 3600))
    first = late - 89 * DAY
    assert within_period([first], now=late) == 1
    assert within_period([first], now=late + timedelta(seconds=1)) == 0
