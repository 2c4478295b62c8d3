"""A message is sent once: what its row and its attempts say at every moment."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from shared.db.engine import Row, fetch_all, run
from shared.ids import FactId, TenantId
from shared.outbox import (
    DUPLICATE_WINDOW,
    SAFETY,
    Delivery,
    count_by_state,
    enqueue,
    next_due,
    overdue,
    postpone,
    recent_tries,
)
from shared.tries import Due, Outcome, begin_try, end_try, lease
from tests.conftest import NOW

TENANT = TenantId(1)
LEASE_S = 60.0
SECOND = timedelta(seconds=1)
TOO_LATE = NOW + DUPLICATE_WINDOW - SAFETY + SECOND
RETRY = Outcome("retry", "due", next_try_at=NOW)
UNKNOWN = Outcome("unknown", "due", next_try_at=NOW)
SENT = Outcome("accepted", "sent", msgid="m1")


def delivery(key: str = "fact:1/app/LiNa", *, recipient: str = "LiNa", ttl: timedelta = timedelta(days=1)) -> Delivery:
    return Delivery(key, FactId(1), "relation_lost", "app", recipient, [{"cause": "event"}], NOW + ttl)


def take(connection: Connection, *, now: datetime = NOW, limit: int = 9) -> list[Due]:
    return lease(connection, limit=limit, now=now, lease_s=LEASE_S)


def one_row(connection: Connection) -> Row:
    (row,) = fetch_all(connection, "select * from outbox")
    return row


def attempts(connection: Connection) -> list[tuple[object, ...]]:
    rows = fetch_all(connection, "select number, outcome, code, detail from attempt order by id")
    return [tuple(row.values()) for row in rows]


def attempt(connection: Connection, due: Due, result: Outcome | None, *, now: datetime = NOW) -> None:
    """One try from start to end; with no result, the process dies in it."""
    number = begin_try(connection, due, body=b"sealed", counts_for=due.recipient, now=now)
    assert number is not None
    if result is not None:
        end_try(connection, due, number, result, now=now)


def close_overdue(connection: Connection, *, now: datetime) -> list[str | None]:
    """What the notifier does with all that it takes at `now`: park what must not be sent any more."""
    states = []
    for due in take(connection, now=now):
        states.append(overdue(due, now=now))
        if states[-1] is not None:
            end_try(connection, due, None, Outcome("retry", states[-1]), now=now)
    return states


@pytest.fixture
def due(connection: Connection) -> Due:
    """One delivery, held."""
    enqueue(connection, TENANT, [delivery()], now=NOW)
    return take(connection)[0]


def test_a_natural_key_is_delivered_once(connection: Connection):
    """The same fact, step, channel and recipient is one row, whatever became of it."""
    assert enqueue(connection, TENANT, [delivery(), delivery("fact:2/app/LiNa")], now=NOW) == 2
    run(connection, "update outbox set state = 'sent'")
    assert enqueue(connection, TENANT, [delivery()], now=NOW) == 0
    assert enqueue(connection, TenantId(2), [delivery()], now=NOW) == 1
    assert enqueue(connection, TENANT, [], now=NOW) == 0
    assert count_by_state(connection) == {"sent": 2, "due": 1}


def test_a_delivery_is_held_by_one_process(engine: Engine):
    """While it is being taken, and while the lease lasts; afterwards with a new fence."""
    with engine.begin() as connection:
        enqueue(connection, TENANT, [delivery()], now=NOW)
    with engine.begin() as one, engine.begin() as other:
        (first,) = take(one)
        assert take(other) == []
    with engine.begin() as connection:
        assert take(connection, now=NOW + timedelta(seconds=LEASE_S)) == []
        assert next_due(connection) == NOW + timedelta(seconds=LEASE_S)
        (second,) = take(connection, now=NOW + timedelta(seconds=LEASE_S + 1))
    assert (second.id, second.fence) == (first.id, first.fence + 1)


def test_the_oldest_are_taken_first_and_given_in_order(connection: Connection):
    """Notices reach a person in the order in which they came."""
    for n in range(5):
        enqueue(connection, TENANT, [delivery(f"k{n}", recipient=f"p{n}")], now=NOW + n * SECOND)
    assert [one.recipient for one in take(connection, limit=3, now=NOW + 9 * SECOND)] == ["p0", "p1", "p2"]


def test_an_attempt_is_noted_before_it_starts(engine: Engine):
    """A process that dies in the call leaves an attempt that says so, with the bytes that may have gone out."""
    with engine.begin() as connection:
        enqueue(connection, TENANT, [delivery()], now=NOW)
        (due,) = take(connection)
        begin_try(connection, due, body=b"sealed", counts_for=due.recipient, now=NOW)
    with engine.connect() as connection:
        assert attempts(connection) == [(1, "started", None, None)]
        row = one_row(connection)
        assert (row["state"], row["attempts"], row["first_unknown_at"]) == ("due", 1, NOW)
    with engine.begin() as connection:
        (again,) = take(connection, now=NOW + timedelta(minutes=5))
        assert (again.body, again.attempts, again.first_unknown_at) == (b"sealed", 1, NOW)
        assert (
            begin_try(
                connection, again, body=again.body or b"", counts_for=again.recipient, now=NOW + timedelta(minutes=5)
            )
            == 2
        )


def test_an_accepted_message_is_settled(connection: Connection, due: Due):
    """With WeCom's message id, and never taken again."""
    attempt(connection, due, SENT)
    row = one_row(connection)
    assert (row["state"], row["msgid"], row["settled_at"], row["lease_until"]) == ("sent", "m1", NOW, None)
    assert attempts(connection) == [(1, "accepted", None, None)]
    assert take(connection, now=NOW + timedelta(days=1)) == []
    assert next_due(connection) is None


def test_a_refusal_is_kept_with_its_reason(connection: Connection, due: Due):
    """Whoever looks sees the code."""
    attempt(connection, due, Outcome("refused", "refused", code=81013, detail="nobody"))
    assert (one_row(connection)["state"], one_row(connection)["last_error"]) == ("refused", "nobody")
    assert attempts(connection) == [(1, "refused", 81013, "nobody")]


def test_a_certain_failure_leaves_no_doubt(connection: Connection, due: Due):
    """WeCom certainly did not take it, so it may expire as unsent."""
    attempt(connection, due, RETRY)
    assert one_row(connection)["first_unknown_at"] is None
    assert close_overdue(connection, now=NOW + timedelta(days=1)) == ["expired"]
    assert one_row(connection)["state"] == "expired"


def test_a_doubt_stays_through_later_certain_failures(connection: Connection, due: Due):
    """A later try that failed says nothing about the earlier one that may have arrived."""
    attempt(connection, due, UNKNOWN)
    for minutes in (1, 2):
        now = NOW + timedelta(minutes=minutes)
        (again,) = take(connection, now=now)
        attempt(connection, again, RETRY, now=now)
        assert one_row(connection)["first_unknown_at"] == NOW
    (third,) = take(connection, now=NOW + timedelta(minutes=3))
    attempt(connection, third, UNKNOWN, now=NOW + timedelta(minutes=3))
    assert one_row(connection)["first_unknown_at"] == NOW


def test_a_crash_is_a_doubt_that_stays(connection: Connection, due: Due):
    """A started attempt counts from its start; the next certain failure does not clear it."""
    attempt(connection, due, None)
    later = NOW + timedelta(minutes=5)
    (again,) = take(connection, now=later)
    attempt(connection, again, RETRY, now=later)
    assert one_row(connection)["first_unknown_at"] == NOW
    assert [outcome for _, outcome, *_ in attempts(connection)] == ["started", "retry"]


@pytest.mark.parametrize(
    ("now", "state"), [(TOO_LATE - SECOND, "due"), (TOO_LATE, "in_doubt"), (NOW + timedelta(days=2), "in_doubt")]
)
def test_what_is_unknown_for_too_long_is_in_doubt(connection: Connection, due: Due, now: datetime, state: str):
    """Ten minutes before WeCom stops recognising a repeat, a person decides; it is never called expired."""
    attempt(connection, due, UNKNOWN)
    assert close_overdue(connection, now=now) == [state if state == "in_doubt" else None]
    row = one_row(connection)
    assert (row["state"], row["settled_at"]) == (state, now if state == "in_doubt" else None)


def test_a_doubt_goes_before_the_expiry(connection: Connection):
    """A short-lived notice whose try is unknown may still be repeated within the window."""
    enqueue(connection, TENANT, [delivery(ttl=timedelta(seconds=20))], now=NOW)
    attempt(connection, take(connection)[0], UNKNOWN)
    assert close_overdue(connection, now=NOW + timedelta(minutes=5)) == [None]
    assert close_overdue(connection, now=TOO_LATE) == ["in_doubt"]
    assert one_row(connection)["state"] == "in_doubt"


@pytest.mark.parametrize(("ttl_s", "state"), [(20, "expired"), (21, None)])
def test_an_old_notice_expires(connection: Connection, ttl_s: int, state: str | None):
    """What came too late is not sent any more."""
    enqueue(connection, TENANT, [delivery(ttl=timedelta(seconds=ttl_s))], now=NOW)
    assert close_overdue(connection, now=NOW + timedelta(seconds=20)) == [state]
    assert one_row(connection)["state"] == (state or "due")


def test_only_who_holds_a_delivery_closes_it(connection: Connection, due: Due):
    """A try of somebody else may be under way; what was sent is not called expired."""
    (taker,) = take(connection, now=NOW + timedelta(minutes=5))
    end_try(connection, due, None, Outcome("retry", "expired"), now=NOW)
    assert one_row(connection)["state"] == "due"
    attempt(connection, taker, SENT)
    end_try(connection, taker, None, Outcome("retry", "expired"), now=NOW)
    assert one_row(connection)["state"] == "sent"


def test_who_lost_the_lease_does_not_send(connection: Connection, due: Due):
    """The fence is asked before the call, and the late result of a lost lease does not touch the row."""
    later = NOW + timedelta(minutes=5)
    (taker,) = take(connection, now=later)
    assert begin_try(connection, due, body=b"other", counts_for=due.recipient, now=later) is None
    assert attempts(connection) == []
    attempt(connection, taker, None, now=later)
    end_try(connection, due, 1, SENT, now=later)
    postpone(connection, due, at=NOW + timedelta(days=9))
    row = one_row(connection)
    assert (row["state"], row["msgid"], row["body"], row["next_try_at"]) == ("due", None, b"sealed", NOW)


def test_what_was_settled_meanwhile_is_not_sent(connection: Connection, due: Due):
    """A person may have closed it."""
    run(connection, "update outbox set state = 'refused'")
    assert begin_try(connection, due, body=b"x", counts_for=due.recipient, now=NOW) is None


def test_a_postponed_delivery_is_no_attempt(connection: Connection, due: Due):
    """The member's limit is no failure: it waits, free for anybody."""
    postpone(connection, due, at=NOW + timedelta(minutes=1))
    assert take(connection, now=NOW + timedelta(seconds=59)) == []
    (again,) = take(connection, now=NOW + timedelta(minutes=1))
    assert (again.attempts, again.first_unknown_at) == (0, None)


def test_recent_tries_are_counted_per_recipient(connection: Connection):
    """Every try that WeCom may have seen counts against the member's limit; a certain miss does not."""
    people = ["LiNa", "LiNa", "LiNa", "ZhaoMin"]
    enqueue(connection, TENANT, [delivery(f"k{n}", recipient=who) for n, who in enumerate(people)], now=NOW)
    outcomes = [SENT, RETRY, UNKNOWN, None]
    for n, (one, result) in enumerate(zip(take(connection), outcomes, strict=True)):
        attempt(connection, one, result, now=NOW + n * SECOND)
    tries = recent_tries(connection, TENANT, ["LiNa", "ZhaoMin", "Wang"], since=NOW - SECOND)
    assert tries == {"LiNa": [NOW, NOW + 2 * SECOND], "ZhaoMin": [NOW + 3 * SECOND], "Wang": []}
    assert recent_tries(connection, TENANT, ["LiNa"], since=NOW) == {"LiNa": [NOW + 2 * SECOND]}
    assert recent_tries(connection, TenantId(2), ["LiNa"], since=NOW - SECOND) == {"LiNa": []}
