"""What a failed call means for its delivery."""

import pytest

from notifier.outcomes import outcome_of, unrendered
from shared.errors import RetryableError
from shared.tries import Outcome
from shared.wecom.errors import PostponedError, UnreachableError, error_for
from tests.services.factories import at

API = "message/send"
BACKOFF_S = (2.0, 30.0, 600.0)


def answered(code: int) -> Exception:
    return error_for(API, code, "words of WeCom")


@pytest.mark.parametrize(
    ("error", "outcome", "state", "wait_s", "code"),
    [
        pytest.param(UnreachableError(API, "timeout", maybe_accepted=True), "unknown", "due", 2, None, id="no answer"),
        pytest.param(
            UnreachableError(API, "refused", maybe_accepted=False), "retry", "due", 2, None, id="never connected"
        ),
        pytest.param(answered(81013), "refused", "refused", None, 81013, id="no such recipient"),
        pytest.param(answered(60011), "refused", "refused", None, 60011, id="recipient out of the app's range"),
        pytest.param(answered(60111), "refused", "refused", None, 60111, id="no such member"),
        pytest.param(answered(40003), "refused", "refused", None, 40003, id="bad member id"),
        pytest.param(answered(-1), "retry", "due", 2, -1, id="WeCom is busy"),
        pytest.param(answered(45033), "retry", "due", 2, 45033, id="asked for less than our own wait"),
        pytest.param(answered(45009), "retry", "due", 60, 45009, id="limited: as long as WeCom asks for"),
        pytest.param(answered(60020), "retry", "due", 300, 60020, id="blocked until a person acts"),
        pytest.param(answered(40058), "refused", "dead", None, 40058, id="a wrong call: our bug"),
        pytest.param(answered(42014), "refused", "dead", None, 42014, id="a card's number is bad, at the first try"),
        pytest.param(RetryableError("budget", after_s=7.0), "retry", "due", 7, None, id="our own budget"),
        pytest.param(RetryableError("budget"), "retry", "due", 2, None, id="our own budget, no time named"),
        pytest.param(ValueError("a name"), "unknown", "due", 2, None, id="a bug during the call may have sent it"),
    ],
)
def test_an_error_decides_whether_the_message_goes_out_again(error, outcome, state, wait_s, code):
    """No answer: the same bytes again. WeCom's no: certainly not taken. A person who cannot get it: closed (LOSS-2)."""
    found = outcome_of(error, attempts=1, backoff_s=BACKOFF_S, now=at(100))
    assert (found.outcome, found.state, found.code) == (outcome, state, code)
    assert found.next_try_at == (None if wait_s is None else at(100 + wait_s))


def test_a_card_whose_number_is_used_may_have_arrived():
    """A later try that WeCom refuses for its task id says so: in doubt, not dead (G5)."""
    assert outcome_of(answered(42014), attempts=2, backoff_s=BACKOFF_S, now=at(0)).state == "in_doubt"


@pytest.mark.parametrize(("attempts", "wait_s"), [(1, 2), (2, 30), (3, 600), (4, 600), (99, 600)])
def test_waits_grow_and_then_stay(attempts, wait_s):
    """The wait after each failed try is the next of the list, at most the last; for a WeCom that is away, a minute."""
    assert outcome_of(answered(-1), attempts=attempts, backoff_s=BACKOFF_S, now=at(0)).next_try_at == at(wait_s)
    away = UnreachableError(API, "timeout", maybe_accepted=True)
    assert outcome_of(away, attempts=attempts, backoff_s=BACKOFF_S, now=at(0)).next_try_at == at(min(wait_s, 60))


def test_what_was_never_sent_costs_no_patience():
    """WeCom is down, or closed: as long as it says, however often that was (G5)."""
    error = PostponedError(API, "WeCom does not answer", after_s=7)
    found = outcome_of(error, attempts=99, backoff_s=BACKOFF_S, now=at(0))
    assert (found.outcome, found.state, found.next_try_at) == ("retry", "due", at(7))


def test_a_bug_is_noted_without_what_it_was_about():
    """An unexpected error's text may quote a person; only its kind is kept (ACC-3)."""
    found = outcome_of(ValueError("Chen Li 13800000000"), attempts=1, backoff_s=BACKOFF_S, now=at(0))
    assert found == Outcome("unknown", "due", next_try_at=at(2), detail="ValueError")


@pytest.mark.parametrize(
    ("unknown", "number", "state", "wait_s"),
    [(False, 1, "due", 2), (False, 4, "due", 600), (False, 5, "dead", None), (True, 4, "due", 600),
     (True, 5, "in_doubt", None)],
)  # fmt: skip
def test_what_cannot_be_rendered_is_given_up_and_what_may_have_arrived_is_in_doubt(unknown, number, state, wait_s):
    """Also when the bytes that it was tried with do not open any more: nobody knows that it is dead (G5)."""
    found = unrendered(number, waits="due", unknown=unknown, backoff_s=BACKOFF_S, now=at(100))
    assert (found.outcome, found.state) == ("retry", state)
    assert found.next_try_at == (None if wait_s is None else at(100 + wait_s))
