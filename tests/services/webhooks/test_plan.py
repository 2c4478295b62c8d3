"""What each answer means for its row and its endpoint."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.model import Answer, BadUrlError, Listener, Standing, checked_url, shown_url
from services.webhooks.plan import MOST_PAUSE_S, TOLERATED, ended, listens, standing_after
from shared.ids import EndpointId
from tests.conftest import NOW

BACKOFF_S, PAUSE_S, GIVE_UP_S = (5.0, 60.0), (1.0, 30.0), 86_400.0
AWAY = Answer(None, problem="no answer in time")
answers = st.builds(
    Answer, st.none() | st.integers(100, 599), after_s=st.none() | st.floats(0, 1e9), problem=st.none() | st.just("x")
)


def row(answer: Answer, *, tries: int = 1):
    return ended(answer, tries=tries, backoff_s=BACKOFF_S, now=NOW)


def standing(*given_: Answer, start: Standing | None = None, now=NOW) -> Standing:
    found = start or Standing()
    for answer in given_:
        found = standing_after(found, answer, pause_s=PAUSE_S, give_up_s=GIVE_UP_S, now=now)
    return found


@pytest.mark.parametrize(
    ("answer", "tries", "kind", "state", "wait_s", "counts"),
    [
        (Answer(200), 1, "accepted", "sent", None, True),
        (Answer(299), 9, "accepted", "sent", None, True),
        (Answer(199), 1, "failed", "queued", 5, True),
        (Answer(302), 1, "failed", "queued", 5, True),
        (Answer(400), 2, "failed", "queued", 60, True),
        (Answer(500), 3, "dead", "dead", None, True),
        (Answer(500, after_s=90), 1, "failed", "queued", 90, True),
        (AWAY, 1, "unreachable", "queued", 5, True),
        (AWAY, 3, "dead", "dead", None, True),
        (Answer(410), 3, "gone", "queued", 0, False),
        (Answer(429), 3, "busy", "queued", 5, False),
        (Answer(503, after_s=90), 3, "busy", "queued", 90, False),
        (Answer(429, after_s=1e9), 1, "busy", "queued", MOST_PAUSE_S, False),
    ],
)
def test_what_becomes_of_a_row(answer, tries, kind, state, wait_s, counts):
    """2xx is done; failures wait longer each time and then are dead; what is no failure of the row costs no try."""
    found = row(answer, tries=tries)
    assert (found.kind, found.state, found.counts) == (kind, state, counts)
    assert found.next_try_at == (None if wait_s is None else NOW + timedelta(seconds=wait_s))


@pytest.mark.parametrize(
    ("given_", "closed_s"),
    [
        ([Answer(500)] * TOLERATED, None),
        ([Answer(500)] * (TOLERATED + 1), 1),
        ([Answer(500)] * (TOLERATED + 9), 30),
        ([AWAY], 1),
        ([AWAY, AWAY], 30),
        ([Answer(429)], 1),
        ([Answer(503, after_s=100)], 100),
        ([Answer(503, after_s=100), AWAY], 100),
        ([Answer(503, after_s=1e9)], MOST_PAUSE_S),
    ],
)
def test_when_an_endpoint_is_closed_for_a_while(given_, closed_s):
    """No answer or a plea for a pause closes it at once, errors only when there are many in a row."""
    found = standing(*given_)
    assert found.closed_until == (None if closed_s is None else NOW + timedelta(seconds=closed_s))
    assert (found.failures, found.failing_since, found.disabled) == (len(given_), NOW, None)


def test_success_ends_a_row_of_failures_and_leaves_a_pause_that_was_asked_for():
    """Another call of the same moment may have been told to wait."""
    found = standing(Answer(503, after_s=100), Answer(204))
    assert found == Standing(closed_until=NOW + timedelta(seconds=100))


def test_days_of_nothing_but_failures_disable():
    """One success in between, and the days begin anew."""
    later = NOW + timedelta(seconds=GIVE_UP_S)
    assert standing(Answer(500), start=standing(Answer(500)), now=later).disabled
    assert not standing(Answer(200), Answer(500), start=standing(Answer(500)), now=later).disabled
    assert standing(Answer(410)).disabled == "it answered 410 Gone"


@given(st.lists(answers, max_size=40), st.integers(1, 5))
def test_any_answers_leave_something_to_do_or_an_end(given_, tries):
    """A queued row always has a next try, a settled one none; nobody is closed for more than a day."""
    found = standing(*given_)
    assert found.closed_until is None or found.closed_until <= NOW + timedelta(seconds=MOST_PAUSE_S)
    for answer in given_:
        result = row(answer, tries=tries)
        assert (result.state == "queued") == (result.next_try_at is not None)
        assert result.state == "queued" or result.counts


def test_who_listens_to_what():
    """All types where none is named, only the causes that are named."""
    everything = Listener(EndpointId(1), None, frozenset({"event"}))
    assert listens(everything, fact_type="to_come", cause="event")
    assert not listens(everything, fact_type="to_come", cause="bootstrap")
    assert not listens(Listener(EndpointId(1), frozenset({"a"}), frozenset({"event"})), fact_type="b", cause="event")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example.com/x",
        "file:///etc/passwd",
        "crm.example.com/x",
        "https://",
        "https://chen:secret@crm.example.com/x",
        "https://chen@crm.example.com/x",
        "https://crm.example.com/x#part",
        "https://crm.example.com:99999/x",
        "https://crm.example.com/a b",
        "https://crm.example.com/\r\nx",
        "https://[::1/x",
        "https://crm.example.com/" + "x" * 2000,
    ],
)
def test_addresses_that_are_refused(url: str):
    """Only absolute http and https addresses without a password; the reason does not repeat them."""
    with pytest.raises(BadUrlError) as refused:
        checked_url(url)
    assert "secret" not in str(refused.value)


def test_an_address_is_shown_without_its_query():
    """The query may hold a token (G10)."""
    url = checked_url("https://crm.example.com:8443/hook?key=secret")
    assert shown_url(url) == "https://crm.example.com:8443/hook?…"
