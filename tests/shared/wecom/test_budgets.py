"""What the processes make of the shared budgets when the database, a process or a clock misbehaves."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from commands.waiting import wait_for
from shared.clock import FixedClock
from shared.db.engine import fetch_all, make_engine
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom import gate
from shared.wecom.apis import Api, Priority
from shared.wecom.budget import Limits
from shared.wecom.budget_store import lock_usages
from shared.wecom.budgets import CLOSED, CROWDED, Budgets
from shared.wecom.errors import PostponedError
from shared.wecom.gate import AHEAD_S

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


def usage(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        (row,) = fetch_all(connection, "select usage from api_budget where scope = :scope", scope=CORP)
    found: dict[str, Any] = row["usage"]
    return found


def under_way(engine: Engine) -> int:
    return sum(count for count, _ in usage(engine)["holders"].values())


def counted(engine: Engine) -> int:
    """Calls of the hour, as all processes see it."""
    return sum(usage(engine)["slots"])


def questions(engine: Engine) -> list[str]:
    """Grows with every change of a budget's state that this process makes from now on."""
    asked: list[str] = []

    def note(*execution: object) -> None:
        if str(execution[2]).startswith("update api_budget"):
            asked.append("update")

    event.listen(engine, "before_cursor_execute", note)
    return asked


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
    wait_for(lambda: under_way(engine) == 0, "the word")


def test_a_process_that_stands_still_with_the_row_stops_nobody_for_long(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """Stopped, or its machine lost, in the middle of a question: PostgreSQL ends it after five seconds."""
    budgets = budgets_of(engine, clock)
    call(budgets)
    wait_for(lambda: under_way(engine) == 0, "the word that it has ended")
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
    wait_for(lambda: under_way(engine) == 0, "the word that it has ended")
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


def test_an_end_that_cannot_be_told_is_left_to_the_next_question(
    tenant: Tenant, engine: Engine, other_engine: Engine, clock: FixedClock
):
    """Without the database nobody tries again and again, and the process can end."""
    budgets = budgets_of(other_engine, clock)
    with ExitStack() as crowd:
        with budgets.place(CORP, API, Priority.EVENTS):
            for _ in range(3):
                crowd.push(other_engine.connect())
        wait_for(lambda: not any(thread.name == "budgets" for thread in threading.enumerate()), "the end of telling")
    assert under_way(engine) == 1
    call(budgets)
    wait_for(lambda: under_way(engine) == 0, "the word")


def test_a_process_that_calls_often_asks_for_many_calls_at_once(tenant: Tenant, engine: Engine, clock: FixedClock):
    """Calls one after the other cost a question now and then; when they stop, others have the place (G6)."""
    budgets, asked = budgets_of(engine, clock), questions(engine)
    for _ in range(40):
        call(budgets)
    assert len(asked) <= 20  # one by one it would be 80
    assert counted(engine) >= 40  # every call was counted before it began
    wait_for(lambda: under_way(engine) == 0, "the free place")


def test_a_refusal_ends_what_was_taken_in_advance(tenant: Tenant, engine: Engine, clock: FixedClock):
    """After a 45033 every call asks again, so that no process goes on as before."""
    budgets, asked = budgets_of(engine, clock), questions(engine)
    for _ in range(10):
        call(budgets)
    budgets.refused(CORP, API, CROWDED)
    before = len(asked)
    call(budgets)
    assert len(asked) > before


def test_what_was_taken_in_advance_is_good_for_half_a_second(
    tenant: Tenant, engine: Engine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
):
    """Later WeCom would count it in another window, and another process may have heard that the API is closed."""
    budgets, late_s = budgets_of(engine, clock), [0.0]
    monkeypatch.setattr(gate, "monotonic", lambda: time.monotonic() + late_s[0])
    for _ in range(10):
        call(budgets)
    before = counted(engine)
    call(budgets)
    assert counted(engine) == before
    late_s[0] = AHEAD_S
    call(budgets)
    assert counted(engine) > before


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
