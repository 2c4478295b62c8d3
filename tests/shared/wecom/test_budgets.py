"""What the processes make of the shared budgets when the database, a process or a clock misbehaves."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from commands.waiting import wait_for
from shared.clock import FixedClock
from shared.db.engine import fetch_all, make_engine
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom.apis import Api, Priority
from shared.wecom.budget import Limits
from shared.wecom.budget_store import lock_usages
from shared.wecom.budgets import CLOSED, Budgets
from shared.wecom.errors import PostponedError

CORP, API = "corp:x", Api("an/api")
LIMITS = Limits(10_000, 150_000, 4)


@pytest.fixture
def other_engine(database_url: str) -> Iterator[Engine]:
    """Another process's: three connections, and no patience when they are all in use."""
    made = make_engine(database_url, pool_size=1)
    made.pool._timeout = 0.1  # type: ignore[attr-defined]
    yield made
    made.dispose()


def budgets_of(engine: Engine, clock: FixedClock, **settings: object) -> Budgets:
    return Budgets(engine, clock, Settings(_env_file=None, wecom_at_once=4, **settings))  # type: ignore[arg-type]


def call(budgets: Budgets) -> None:
    with budgets.place(CORP, API, Priority.EVENTS):
        pass


def under_way(engine: Engine) -> int:
    with engine.connect() as connection:
        (row,) = fetch_all(connection, "select usage from api_budget where scope = :scope", scope=CORP)
    return sum(count for count, _ in row["usage"]["holders"].values())


def waiting_for_locks(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(fetch_all(connection, "select 1 from pg_stat_activity where wait_event_type = 'Lock'"))


def test_a_commit_whose_answer_is_lost_leaks_no_place(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """The database goes away right after it recorded turns that nobody takes; the next call puts the count right."""
    budgets = budgets_of(other_engine, clock)
    call(budgets)
    commit, lost = other_engine.dialect.do_commit, ["first"]

    def commit_and_vanish(connection: object) -> None:
        commit(connection)  # type: ignore[arg-type]
        if lost:
            lost.pop()
            raise psycopg.OperationalError("gone")

    other_engine.dialect.do_commit = commit_and_vanish  # type: ignore[method-assign]
    with pytest.raises(OperationalError):
        call(budgets)
    assert under_way(engine) == 1
    call(budgets)
    assert under_way(engine) == 0


def test_a_process_that_stands_still_with_the_row_stops_nobody_for_long(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """Stopped, or its machine lost, in the middle of a question: PostgreSQL ends it after five seconds."""
    budgets = budgets_of(engine, clock)
    call(budgets)
    stopped = other_engine.connect()
    keys = ((CORP, API.path),)
    assert lock_usages(stopped, keys, [LIMITS])
    done = threading.Thread(target=call, args=(budgets,), daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive()
    stopped.invalidate()


def test_nobody_waits_longer_than_told_for_another_ones_question(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """The row is held; one thread asks, and the others are postponed in time instead of asking one after the other."""
    budgets = budgets_of(engine, clock, wecom_wait_s=0.1)
    call(budgets)
    stopped = other_engine.connect()
    assert lock_usages(stopped, ((CORP, API.path),), [LIMITS])
    asking = threading.Thread(target=call, args=(budgets,))
    asking.start()
    wait_for(lambda: waiting_for_locks(engine) == 1, "the question")
    with pytest.raises(PostponedError):
        call(budgets)
    assert asking.is_alive()
    stopped.close()
    asking.join()


def test_a_call_that_was_made_does_not_fail_because_the_database_is_busy(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """Its end cannot be told just now; the next one tells it."""
    budgets = budgets_of(other_engine, clock)
    with ExitStack() as crowd, budgets.place(CORP, API, Priority.EVENTS):
        for _ in range(3):
            crowd.push(other_engine.connect())
        held = crowd.pop_all()
    held.close()
    assert under_way(engine) == 1
    call(budgets)
    assert under_way(engine) == 0


def test_a_clock_that_is_set_back_keeps_nothing_closed_and_nothing_waiting(
    tenant: Tenant, engine: Engine, clock: FixedClock
):
    """A day back while an API is closed: it opens a minute later, for this process and for new ones."""
    budgets = budgets_of(engine, clock)
    call(budgets)
    assert budgets.refused(CORP, API, CLOSED) == pytest.approx(61, abs=1)
    clock.advance(-86_400)
    assert budgets.closed_for(CORP, API) <= 61
    fresh = budgets_of(engine, clock)
    with pytest.raises(PostponedError):
        call(fresh)
    clock.advance(62)
    for _ in range(400):  # more than a burst: the bucket fills again
        call(fresh)
        clock.advance(0.1)
