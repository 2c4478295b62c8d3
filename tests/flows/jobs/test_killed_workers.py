"""kill -9 of workers in the middle of long work for many customers: all of it is done, none of it twice."""

import threading

import pytest

from commands.waiting import wait_for
from shared.embedded import EmbeddedServers
from tests.flows.jobs.conftest import MakeJob
from tests.flows.jobs.town import Town, kill_often, kill_one_of_two

KILLS = 20


@pytest.mark.long
def test_twenty_kills_of_the_worker(town: Town, make_job: MakeJob) -> None:
    """Whoever is started next goes on, and the end is that of an undisturbed run (POOL-4, CUS-7, CUS-8, SEG-1)."""
    assert kill_often(town, make_job(town), kills=KILLS)["kills"] == KILLS


@pytest.mark.long
def test_kills_of_one_of_two_workers(town: Town, make_job: MakeJob) -> None:
    """The other one goes on with the work beside those who come and go (POOL-4, CUS-7, CUS-8, SEG-1)."""
    kill_one_of_two(town, make_job(town), kills=6)


@pytest.mark.long
def test_the_database_is_away_while_the_work_goes_on(
    mortal_servers: EmbeddedServers, mortal_town: Town, make_job: MakeJob
) -> None:
    """Stopped, and killed: the same worker goes on by itself once it is back (G1, POOL-4, CUS-7, CUS-8, SEG-1)."""
    town, pause = mortal_town, threading.Event()
    job = make_job(town)
    since = town.start()
    for take_away in (mortal_servers.stop_postgres, mortal_servers.kill_postgres):
        job.begin()
        wait_for(lambda: job.is_under_way(since), "the work", patience_s=60)
        take_away()
        pause.wait(town.dice.uniform(3, 6))
        mortal_servers.start_postgres() if mortal_servers.postgres_pid is None else mortal_servers.ensure_running()
        wait_for(job.is_over, "the work that was interrupted", patience_s=120)
        job.check()
        assert [worker.poll() for worker in town.workers] == [None]
