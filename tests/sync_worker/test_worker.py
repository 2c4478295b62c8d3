"""A worker process: what rings it, what it does, and what it leaves to others."""

from collections.abc import Callable

import pytest

from commands.demo_corp import record_demo_corp
from commands.waiting import wait_for
from shared.queue import WORK, make_queue
from sync_worker.worker import Worker
from tests.sync_worker.conftest import Office

DUE = "select count(*) from request where generation > settled_generation and dead_at is null"


@pytest.fixture
def hire(make_office: Callable[..., Office], request: pytest.FixtureRequest) -> Callable[..., tuple[Office, Worker]]:
    """An office whose corp is not synced yet, and a worker process of it."""

    def make(**halves: bool) -> tuple[Office, Worker]:
        office = make_office()
        record_demo_corp(office.runtime)
        worker = Worker(office.runtime, **halves)
        request.addfinalizer(worker.stop)
        return office, worker

    return make


def test_both_halves_bring_a_corp_to_life_and_reconcile(hire: Callable[..., tuple[Office, Worker]]) -> None:
    """One process does all; `work` comes back when there is room for more."""
    office, worker = hire()

    def live() -> bool:
        worker.work()
        return office.rows("select state from tenant") == [("live",)] and office.rows(DUE) == [(0,)]

    wait_for(live, "the first sync")
    office.want("wm1")
    worker.work()
    wait_for(lambda: office.rows(DUE) == [(0,)], "the event")


def test_the_event_half_walks_nothing(hire: Callable[..., tuple[Office, Worker]]) -> None:
    """Full passes are left to processes of their own."""
    office, worker = hire(passes=False)
    office.want("wm1")
    worker.work()
    wait_for(lambda: office.rows(DUE) == [(0,)], "the event")
    assert not office.rows("select 1 from sync_run")


def test_the_pass_half_reconciles_nothing(hire: Callable[..., tuple[Office, Worker]]) -> None:
    """What it wants to be looked at is left to the event half."""
    office, worker = hire(events=False)
    office.want("wm1")

    def walked() -> bool:
        worker.work()
        return bool(office.rows("select 1 from sync_run where resource = 'external_contact' and state = 'done'"))

    wait_for(walked, "the pass")
    assert office.rows("select settled_generation from request where subject_key = 'wm1'") == [(0,)]


def test_a_worker_that_stopped_takes_nothing_more(hire: Callable[..., tuple[Office, Worker]]) -> None:
    """The process may exit then; others find all that is due."""
    office, worker = hire(passes=False)
    worker.stop()
    office.want("wm1")
    worker.look()
    assert office.rows("select fence from request") == [(0,)]
    assert make_queue(office.runtime.redis, WORK).count == 0
