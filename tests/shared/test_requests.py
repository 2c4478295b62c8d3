"""A subject that must be looked at is looked at by one worker at a time, and no wish is ever lost."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from shared.claims import due_tenants, lease
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId
from shared.requests import (
    BACKFILL,
    EVENTS,
    Leased,
    Subject,
    Wait,
    Wanted,
    bury,
    give_back,
    hold,
    look_again,
    next_due,
    retry,
    settle,
    want,
)
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)
LEASE_S = 60.0


def subject(key: str = "wm1") -> Subject:
    return Subject(TenantId(1), "external_contact", key)


def wish(key: str = "wm1", *, lane: int = EVENTS, cause: str = "event", by: str | None = None) -> Wanted:
    return Wanted(subject(key), lane, cause, by)


def take(connection: Connection, *, limit: int = 9, now: datetime = NOW) -> list[Leased]:
    """At most `limit` of each tenant."""
    shares = dict.fromkeys(due_tenants(connection, now=now), limit)
    return [one for leased in lease(connection, shares, now=now, lease_s=LEASE_S).values() for one in leased]


def taken(connection: Connection, *, now: datetime = NOW) -> list[str]:
    return sorted(one.subject.key for one in take(connection, now=now))


def one_row(connection: Connection) -> Row:
    (row,) = fetch_all(connection, "select * from request")
    return row


@pytest.fixture
def leased(connection: Connection) -> Leased:
    """One subject, wanted and held."""
    want(connection, [wish()], now=NOW)
    return take(connection)[0]


def test_each_wish_adds_a_generation_to_one_row(connection: Connection):
    """Many events of one subject fold into one look."""
    for _ in range(3):
        assert want(connection, [wish()], now=NOW) == 1
    assert one_row(connection)["generation"] == 3
    (held,) = take(connection)
    assert (held.generation, held.fence, held.attempts) == (3, 1, 0)


def test_wishes_of_one_call_fold_too(connection: Connection):
    """However many events of a batch name a subject, it is one generation; the last cause stays."""
    wishes = [wish(), wish("wm2"), wish(cause="resync", by="run:1")]
    assert want(connection, wishes, now=NOW) == 2
    (held,) = [one for one in take(connection) if one.subject == subject()]
    assert (held.generation, held.cause, held.caused_by) == (1, "resync", "run:1")
    assert want(connection, [], now=NOW) == 0


def test_subjects_of_two_tenants_are_two(connection: Connection):
    """The tenant is part of every key."""
    want(connection, [wish(), Wanted(Subject(TenantId(2), "external_contact", "wm1"), EVENTS, "event")], now=NOW)
    assert len(take(connection)) == 2


def test_a_held_subject_is_given_to_nobody_else(engine: Engine):
    """One subject, one worker: while the taking is under way, and while the lease lasts."""
    with engine.begin() as connection:
        want(connection, [wish()], now=NOW)
    with engine.begin() as one, engine.begin() as other:
        assert len(take(one)) == 1
        assert take(other) == []
    with engine.begin() as third:
        assert take(third, now=NOW + timedelta(seconds=LEASE_S)) == []
        assert len(take(third, now=NOW + timedelta(seconds=LEASE_S + 1))) == 1


def test_many_workers_share_many_subjects_without_overlap(engine: Engine):
    """Rows are taken once each, by whoever asks."""
    with engine.begin() as connection:
        want(connection, [wish(f"wm{n}") for n in range(200)], now=NOW)

    def work(_number: int) -> list[str]:
        keys: list[str] = []
        for _ in range(10):
            with engine.begin() as connection:
                keys += [one.subject.key for one in take(connection, limit=7)]
        return keys

    with ThreadPoolExecutor(4) as pool:
        keys = [key for found in pool.map(work, range(4)) for key in found]
    assert sorted(keys) == sorted(f"wm{n}" for n in range(200))


def test_a_settled_subject_is_not_due(connection: Connection, leased: Leased):
    """The generation that the run started from is done."""
    settle(connection, [leased], now=NOW)
    assert take(connection, now=LATER) == []
    assert next_due(connection) is None


def test_an_event_during_a_run_keeps_the_subject_due(connection: Connection, leased: Leased):
    """A run settles what it saw, never what came after."""
    want(connection, [wish()], now=NOW)
    settle(connection, [leased], now=NOW)
    (again,) = take(connection)
    assert again.generation == leased.generation + 1


def test_an_event_during_a_run_does_not_start_a_second_one(connection: Connection, leased: Leased):
    """A wish leaves the lease alone."""
    want(connection, [wish()], now=NOW)
    assert take(connection) == []


def test_a_worker_that_lost_its_lease_commits_nothing(connection: Connection, leased: Leased):
    """The fence grows with every lease; an old one neither holds, settles, retries nor buries."""
    (taker,) = take(connection, now=LATER)
    assert taker.fence == leased.fence + 1
    assert hold(connection, [leased]) == []
    assert hold(connection, [taker]) == [taker]
    before = one_row(connection)
    settle(connection, [leased], now=NOW)
    retry(connection, [Wait(leased, NOW, "late")])
    look_again(connection, [Wait(leased, NOW, "late")])
    give_back(connection, [leased])
    bury(connection, leased, now=NOW, reason="late")
    assert one_row(connection) == before


def test_what_is_held_cannot_be_taken_over_before_the_commit(engine: Engine):
    """`hold` locks the rows: a lease that runs out during the commit changes hands only after it."""
    with engine.begin() as connection:
        want(connection, [wish(), wish("wm2")], now=NOW)
        held = take(connection)
    with engine.begin() as committing, engine.begin() as other:
        assert hold(committing, held) == held
        assert take(other, now=LATER) == []
        settle(committing, held, now=NOW)
    with engine.begin() as other:
        assert take(other, now=LATER) == []
    with engine.begin() as late:
        assert hold(late, []) == []


def test_a_lease_that_was_not_used_is_given_back_as_it_was(connection: Connection, leased: Leased):
    """It is nobody's failure: the subject is due at once, in its old place."""
    before = one_row(connection)
    give_back(connection, [leased])
    assert one_row(connection) == {**before, "lease_until": None}
    assert taken(connection) == ["wm1"]
    give_back(connection, [])


def test_many_waits_are_each_their_own(connection: Connection):
    """A batch is postponed in one statement, every subject to its own time."""
    want(connection, [wish(), wish("wm2")], now=NOW)
    soon = NOW + timedelta(minutes=1)
    look_again(connection, [Wait(one, soon if one.subject.key == "wm1" else LATER, "x") for one in take(connection)])
    assert taken(connection, now=soon) == ["wm1"]
    look_again(connection, [])


def test_a_failed_run_waits_and_counts(connection: Connection, leased: Leased):
    """Backoff is by attempts, which live in the row."""
    retry(connection, [Wait(leased, LATER, "busy" * 1000)])
    assert take(connection, now=LATER - timedelta(seconds=1)) == []
    assert next_due(connection) == LATER
    (again,) = take(connection, now=LATER)
    assert (again.attempts, again.generation) == (1, leased.generation)
    assert one_row(connection)["last_error"] == ("busy" * 1000)[:500]
    settle(connection, [again], now=NOW)
    assert (one_row(connection)["attempts"], one_row(connection)["last_error"]) == (0, None)


def test_a_second_look_waits_and_is_no_failure(connection: Connection, leased: Leased):
    """Reads may be behind: looking again later is planned."""
    look_again(connection, [Wait(leased, LATER, "unconfirmed")])
    assert take(connection, now=LATER - timedelta(seconds=1)) == []
    (again,) = take(connection, now=LATER)
    assert again.attempts == 0


@pytest.mark.parametrize("postpone", [retry, look_again])
def test_an_event_during_a_run_does_not_wait_for_the_backoff(
    connection: Connection, leased: Leased, postpone: Callable[[Connection, list[Wait]], None]
):
    """What is new is looked at right away."""
    want(connection, [wish()], now=NOW)
    postpone(connection, [Wait(leased, LATER, "busy")])
    assert taken(connection) == ["wm1"]


def test_a_dead_letter_rests(connection: Connection, leased: Leased):
    """Nobody tries it again by itself."""
    bury(connection, leased, now=NOW, reason="x" * 5000)
    row = one_row(connection)
    assert (row["dead_at"], row["attempts"], len(row["last_error"])) == (NOW, 1, 2000)
    assert take(connection, now=LATER) == []
    assert next_due(connection) is None


def test_a_new_wish_revives_a_dead_letter(connection: Connection, leased: Leased):
    """A new event or a person asks: it starts afresh."""
    bury(connection, leased, now=NOW, reason="bug")
    want(connection, [wish(cause="operator", by="person:1")], now=LATER)
    (again,) = take(connection, now=LATER)
    assert (again.attempts, again.cause, one_row(connection)["dead_at"]) == (0, "operator", None)


def test_an_event_during_the_last_failure_keeps_the_subject_alive(connection: Connection, leased: Leased):
    """It is not buried with the old one, and does not wait for the lease to end."""
    want(connection, [wish()], now=NOW)
    bury(connection, leased, now=NOW, reason="bug")
    assert taken(connection) == ["wm1"]


def test_an_open_wish_keeps_its_better_lane_and_its_age(connection: Connection):
    """A backfill does not push back what an event asked for; after settling, the lane starts anew."""
    want(connection, [wish(lane=EVENTS)], now=NOW)
    want(connection, [wish(lane=BACKFILL)], now=LATER)
    (held,) = take(connection, now=LATER)
    assert (one_row(connection)["lane"], held.first_due_at) == (EVENTS, NOW)
    settle(connection, [held], now=NOW)
    want(connection, [wish(lane=BACKFILL)], now=LATER)
    assert (one_row(connection)["lane"], one_row(connection)["first_due_at"]) == (BACKFILL, LATER)


def test_a_wish_is_not_due_before_its_time(connection: Connection):
    """The clock is the caller's."""
    want(connection, [wish()], now=LATER)
    assert take(connection, now=NOW) == []


def test_the_next_due_time_counts_leases(connection: Connection, leased: Leased):
    """What is held is looked at again when its lease ends, not before."""
    assert next_due(connection) == NOW + timedelta(seconds=LEASE_S)


def test_wishes_in_opposite_orders_do_not_deadlock(engine: Engine):
    """Rows are locked in one order, whatever order the events came in."""
    keys = [f"wm{n}" for n in range(300)]
    barrier = threading.Barrier(4)

    def ask(order: Sequence[str]) -> None:
        barrier.wait(10)
        for _ in range(5):
            with engine.begin() as connection:
                want(connection, [wish(key) for key in order], now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, [keys, keys[::-1], keys[150:] + keys[:150], keys]))
    with engine.connect() as connection:
        generations = fetch_all(connection, "select distinct generation from request")
    assert [row["generation"] for row in generations] == [20]
