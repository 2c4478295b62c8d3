"""What answers, results and reads make of a handover; each planner settles, and an ended one stays as it is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intents.model import Source
from services.transfers.following import (
    EFFECT,
    Pace,
    next_poll,
    overdue,
    plan_answers,
    plan_chats,
    plan_results,
    to_be_read,
)
from services.transfers.model import Kind, Owner, Shown, Sight, Stage, Transfer, Why
from tests.services.factories import CONTACT, LI, ZHAO, at

PACE = Pace()
ASKED = Transfer(
    id=1,
    kind=Kind.CUSTOMER,
    subject_key=CONTACT,
    from_userid=LI,
    to_userid=ZHAO,
    departed=False,
    author="Zhou",
    source=Source.PERSON,
    stage=Stage.ASKED,
    asked_at=at(0),
    next_poll_at=at(600),
    attempts=1,
    sent_at=at(0),
)
WAITING = replace(ASKED, stage=Stage.WAITING, accepted_at=at(0), effect_at=at(0) + EFFECT)
CHAT = replace(WAITING, kind=Kind.CHAT, subject_key="wrOne", effect_at=at(0))
BUSY = {45035: 10.0}
DAY_S = 86_400


def answered(one: Transfer, code: int | None) -> Transfer:
    (after,) = plan_answers([one], {one.subject_key: code}, busy=BUSY, now=at(1), pace=PACE)
    return after


def resulted(one: Transfer, *rows: Shown, second: float = 700, sight: Sight | None = None, **known) -> Transfer:
    about = {"taker_left": False, "lost": (), **known}
    sights = {} if sight is None else {one.id: sight}
    (after,) = plan_results([one], {CONTACT: rows} if rows else {}, sights, now=at(second), pace=PACE, **about)
    return after


@pytest.mark.parametrize(
    ("code", "attempts", "stage", "why"),
    [
        (0, 1, Stage.WAITING, None),
        (None, 1, Stage.ASKED, None),
        (45035, 1, Stage.QUEUED, None),
        (40129, 1, Stage.FAILED, Why.WECOM),
        (40129, 2, Stage.WAITING, None),
        (40100, 2, Stage.WAITING, None),
        (40128, 1, Stage.LIMIT, Why.WECOM),
        (40099, 1, Stage.LIMIT, Why.TAKER_FULL),
        (40131, 1, Stage.FAILED, Why.WECOM),
    ],
)
def test_each_code_of_an_answer(code, attempts, stage, why):
    """Taken, in doubt, later, ours from before, or refused for good with the code (TRF-1)."""
    after = answered(replace(ASKED, attempts=attempts), code)
    assert (after.stage, after.why) == (stage, why)
    assert after.code == (code if stage in (Stage.LIMIT, Stage.FAILED) else None)
    assert after.attempts == (0 if stage is Stage.QUEUED else attempts)


def test_a_row_that_an_answer_does_not_name_stays_in_doubt():
    """It is looked up like one without an answer (TRF-5)."""
    assert plan_answers([ASKED], {}, busy=BUSY, now=at(1), pace=PACE) == []


@pytest.mark.parametrize(
    ("rows", "known", "stage"),
    [
        ([Shown(2, at(DAY_S))], 0, Stage.WAITING),
        ([Shown(1, at(650))], 0, Stage.DONE),
        ([Shown(1, at(-DAY_S))], 0, Stage.WAITING),  # of an earlier handover
        ([Shown(3)], 0, Stage.REFUSED),
        ([Shown(3)], 1, Stage.WAITING),
        ([Shown(3), Shown(3)], 1, Stage.REFUSED),
        ([Shown(3), Shown(2, at(DAY_S))], 0, Stage.WAITING),
        ([Shown(1, at(650)), Shown(2, at(-9 * DAY_S))], 0, Stage.DONE),
        ([Shown(2, at(DAY_S)), Shown(1, at(650))], 0, Stage.DONE),
        ([Shown(1), Shown(2, at(DAY_S))], 0, Stage.WAITING),
        ([Shown(1)], 0, Stage.DONE),
        ([Shown(4)], 0, Stage.LIMIT),
        ([Shown(5)], 0, Stage.WAITING),
        ([Shown(99)], 0, Stage.WAITING),
    ],
)
def test_which_row_of_wecoms_is_ours(rows, known, stage):
    """It waits, took effect after we asked, or failed beside those known before (TRF-5)."""
    assert resulted(replace(WAITING, known_failures=known), *rows).stage is stage


@pytest.mark.parametrize(("second", "stage"), [(599, Stage.ASKED), (600, Stage.QUEUED), (5 * DAY_S, Stage.QUEUED)])
def test_a_lost_answer_is_believed_lost_when_wecom_had_time_to_show_it(second, stage):
    """Not before (TRF-5)."""
    assert resulted(ASKED, second=second).stage is stage


@pytest.mark.parametrize(
    ("sight", "stage"),
    [
        (Sight(giver_there=False, taker_since=at(DAY_S)), Stage.DONE),
        (Sight(giver_there=False, taker_since=None), Stage.FAILED),
        (Sight(giver_there=True, taker_since=None), Stage.FAILED),
        (Sight(giver_there=True, taker_since=at(-5)), Stage.FAILED),
        (None, Stage.WAITING),
    ],
)
def test_without_any_row_a_read_decides_when_it_is_long_past(sight, stage):
    """Giver gone and new owner there is done; before its time no read is believed (TRF-5)."""
    assert resulted(WAITING, second=2 * DAY_S, sight=sight).stage is stage
    assert resulted(WAITING, second=DAY_S + 60, sight=sight).stage is Stage.WAITING


@pytest.mark.parametrize("row", [Shown(2, at(DAY_S)), Shown(2), Shown(5), Shown(1, at(-DAY_S))])
@pytest.mark.parametrize(("taker_since", "stage"), [(at(DAY_S), Stage.DONE), (None, Stage.FAILED)])
def test_a_row_that_waits_for_ever_holds_up_no_end(row, taker_since, stage):
    """Long after its time it says as little as no row: a read decides (TRF-5)."""
    sight = Sight(giver_there=False, taker_since=taker_since)
    assert not to_be_read(WAITING, [row], now=at(2 * DAY_S - 1), pace=PACE)
    assert to_be_read(WAITING, [row], now=at(2 * DAY_S), pace=PACE)
    assert resulted(WAITING, row, second=2 * DAY_S, sight=sight).stage is stage
    assert resulted(WAITING, row, second=DAY_S + 60, sight=sight).stage is Stage.WAITING


@pytest.mark.parametrize(
    ("row", "stage"),
    [(Shown(2, at(DAY_S)), Stage.WAITING), (Shown(2), Stage.WAITING), (Shown(2, at(-9)), Stage.QUEUED)],
)
def test_what_waits_long_after_its_time_was_taken(row, stage):
    """A lost answer, looked up days later: it is not asked for again, unless the row is older (TRF-5)."""
    assert resulted(ASKED, row, second=5 * DAY_S).stage is stage


def test_each_giver_of_a_customer_is_judged_by_the_own_read():
    """Two hand the same customer to the same associate (TRF-5)."""
    other = replace(WAITING, id=2)
    sights = {1: Sight(giver_there=False, taker_since=at(DAY_S)), 2: Sight(giver_there=True, taker_since=at(DAY_S))}
    after = plan_results([WAITING, other], {}, sights, taker_left=False, lost=(), now=at(2 * DAY_S), pace=PACE)
    assert [one.stage for one in after] == [Stage.DONE, Stage.FAILED]


def test_why_it_failed_is_what_we_know_before_what_wecom_calls_it():
    """A new owner who left, a customer who removed the giver (TRF-5)."""
    assert resulted(WAITING, Shown(4), taker_left=True).why is Why.TAKER_LEFT
    assert resulted(WAITING, Shown(3), lost=(CONTACT,)).why is Why.CUSTOMER_LEFT
    assert resulted(WAITING, Shown(1, at(650)), taker_left=True).stage is Stage.DONE


@pytest.mark.parametrize(
    ("owner", "second", "stage"),
    [
        (Owner(ZHAO), 5, Stage.DONE),
        (Owner(LI), 5, Stage.WAITING),
        (Owner(None), 5, Stage.WAITING),
        (Owner(None, 49008), 5, Stage.FAILED),
        (Owner(LI), DAY_S, Stage.FAILED),
    ],
)
def test_a_chat_is_done_when_a_read_shows_the_new_owner(owner, second, stage):
    """WeCom has no results for chats (TRF-3)."""
    (after,) = plan_chats([CHAT], {"wrOne": owner}, now=at(second), pace=PACE)
    assert after.stage is stage


shown = st.lists(st.builds(Shown, st.integers(0, 6), st.none() | st.integers(-9, 3 * DAY_S).map(at)), max_size=4).map(
    tuple
)


@given(st.sampled_from([ASKED, WAITING]), shown, st.integers(1, 5 * DAY_S), st.booleans())
def test_whatever_wecom_shows_it_settles_and_there_is_a_next_look_or_an_end(one, rows, second, there):
    """Planned again nothing changes; an open one is due later than now, unless it is to be sent (TRF-5)."""
    sight = Sight(there, at(second))
    after = resulted(one, *rows, second=second, sight=sight)
    if after.is_open and after.stage is not Stage.QUEUED:
        assert resulted(after, *rows, second=second, sight=sight) == after
        assert after.next_poll_at > at(second)
    else:
        assert after.stage is Stage.QUEUED or after.ended_at == at(second)
        assert after.stage is not Stage.QUEUED or one.accepted_at is None


@given(st.integers(0, 30 * DAY_S))
def test_looks_get_ever_rarer_but_never_stop(second):
    """At its time at once, then after ever longer waits, up to an hour (TRF-5)."""
    following = next_poll(WAITING, now=at(second), pace=PACE)
    assert timedelta(0) < following - at(second) <= PACE.every
    if at(second) < at(DAY_S):
        assert following <= at(DAY_S) + timedelta(seconds=5)
    assert overdue(WAITING, now=at(second), pace=PACE) == (second >= 2 * DAY_S)
