"""Many corps in one installation: what one has to do, or how slow it is, delays no other one."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.waiting import wait_for
from shared.db.engine import make_engine, run
from shared.embedded import EmbeddedServers
from shared.ids import TenantId
from shared.requests import BACKFILL, EVENTS, OPERATOR, Subject, Wanted, want
from sync_worker.turns import FEW
from tests.conftest import database_url_of
from tests.sync_worker.conftest import Office

OTHER_CORP = "wwdemo0000000002"
READ = "externalcontact/get"
SETTLED = "select tenant_id, subject_key from request where generation = settled_generation"


@dataclass
class Town:
    """Two live corps: one that has much to do, or is slow, and one with a single event."""

    office: Office
    make_office: Callable[..., Office]
    noisy: TenantId
    quiet: TenantId

    def want(self, tenant: TenantId, *keys: str, lane: int = EVENTS) -> None:
        """Ids that WeCom does not know: each costs a read and settles."""
        with self.office.runtime.engine.begin() as connection:
            wishes = [Wanted(Subject(tenant, "external_contact", key), lane, "event") for key in keys]
            want(connection, wishes, now=self.office.runtime.clock.now())

    def settled(self, tenant: TenantId) -> set[str]:
        return {key for (of, key) in self.office.rows(SETTLED) if of == tenant and key.startswith("wm")}

    def held(self, tenant: TenantId) -> int:
        ((n,),) = self.office.rows(f"select count(lease_until) from request where tenant_id = {tenant}")
        return int(n)

    def fault(self, **fault: Any) -> None:
        """One of the noisy corp."""
        self.office.corp.post("/sim/faults", {"path": READ, "corp_id": CORP_ID, **fault})

    def calls(self) -> int:
        """Reads of contacts that have arrived, whatever was answered."""
        found = self.office.corp.get("/sim/calls")
        return sum(sum(codes.values()) for path, codes in found.items() if path.endswith(READ))


@pytest.fixture
def town(make_office: Callable[..., Office]) -> Iterator[Town]:
    office = make_office(wecom_read_timeout_s=30)
    SimulatedCorp(office.corp.simulator_url, OTHER_CORP).create([])
    for corp_id in (CORP_ID, OTHER_CORP):
        record_demo_corp(office.runtime, corp_id=corp_id)
    office.walk()
    ids = dict(office.rows("select corp_id, id from tenant where state = 'live'"))
    yield Town(office, make_office, TenantId(ids[CORP_ID]), TenantId(ids[OTHER_CORP]))
    office.corp.post("/sim/faults", {"clear": True})


def test_an_event_is_recorded_within_two_rounds_whatever_another_corp_has_to_do(town: Town) -> None:
    """A noisy corp does not delay the others, however much older its wishes are."""
    town.want(town.noisy, *(f"wm{n}" for n in range(2000)))
    town.want(town.quiet, "wmEvent")
    for _ in range(2):
        town.office.reconciler.reconcile_due(limit=50)
    assert town.settled(town.quiet) == {"wmEvent"}
    assert 0 < len(town.settled(town.noisy)) < 100


def test_an_event_is_recorded_while_the_reads_of_another_corp_hang(town: Town) -> None:
    """All threads that the slow corp may have hang, and the other one's event does not wait for a single of them."""
    threads = town.office.runtime.settings.worker_threads
    town.fault(hang_s=8, times=threads)
    before = town.calls()
    town.want(town.noisy, *(f"wm{n}" for n in range(threads)))
    assert town.office.reconciler.start_due() == threads
    wait_for(lambda: town.calls() - before == threads, "the reads that hang")
    town.want(town.quiet, "wmEvent")
    assert town.office.reconciler.start_due() == 1
    wait_for(lambda: bool(town.settled(town.quiet)), "the event", patience_s=7)
    assert not town.settled(town.noisy)
    assert town.office.reconciler.wait(20)
    assert len(town.settled(town.noisy)) == threads


def test_a_corp_whose_reads_hang_holds_two_threads(town: Town) -> None:
    """When a batch took long, the next ones of that corp are small; others have theirs as before."""
    town.fault(hang_s=3, times=FEW + 2)
    for key in ("wm1", "wm2"):
        town.want(town.noisy, key)
    town.office.reconcile()
    town.want(town.noisy, *(f"wm{n}" for n in range(3, 100)))
    town.want(town.quiet, *(f"wmEvent{n}" for n in range(20)))
    town.office.reconciler.start_due()
    assert town.held(town.noisy) == FEW
    wait_for(lambda: len(town.settled(town.quiet)) == 20, "the events")
    assert town.office.reconciler.wait(20)
    town.office.reconcile()
    assert len(town.settled(town.noisy)) == 99


def test_a_closed_api_of_one_corp_holds_nobody(town: Town) -> None:
    """Postponed subjects hold no thread and count no try; the other corp's event goes by."""
    town.fault(block_s=60)
    town.want(town.noisy, *(f"wm{n}" for n in range(300)))
    town.want(town.quiet, "wmEvent")
    before = town.calls()
    town.office.reconciler.reconcile_due(limit=50)
    assert town.settled(town.quiet) == {"wmEvent"}
    town.office.reconcile()
    assert town.calls() - before < 50
    of_noisy = f"from request where tenant_id = {town.noisy} and generation > settled_generation"
    ((due, tries, dead),) = town.office.rows(f"select count(*), max(attempts), count(dead_at) {of_noisy}")
    assert (due, dead) == (300, 0)
    assert tries <= 1


def test_lanes_are_strict_within_a_corp(town: Town) -> None:
    """Operator before events before backfill, also when the younger wishes are the urgent ones."""
    town.want(town.noisy, *(f"wmBackfill{n}" for n in range(30)), lane=BACKFILL)
    town.want(town.noisy, *(f"wmEvent{n}" for n in range(10)))
    town.want(town.noisy, "wmOperator", lane=OPERATOR)
    town.want(town.quiet, "wmBackfill", lane=BACKFILL)
    town.office.reconciler.reconcile_due(limit=16)
    assert town.settled(town.quiet) == {"wmBackfill"}
    settled = town.settled(town.noisy)
    assert "wmOperator" in settled
    assert not [key for key in settled if key.startswith("wmBackfill")]


def test_two_processes_at_once_do_each_subject_once_and_share(town: Town) -> None:
    """Leases are fenced: no subject is read twice, and every corp's are done."""
    for tenant in (town.noisy, town.quiet):
        town.want(tenant, *(f"wm{n}" for n in range(150)))
    before = town.calls()
    offices = [town.make_office() for _ in range(2)]
    threads = [threading.Thread(target=one.reconcile) for one in offices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(town.settled(town.noisy)), len(town.settled(town.quiet))) == (150, 150)
    assert town.office.rows("select max(fence) from request where subject_key like 'wm%'") == [(1,)]
    assert town.calls() - before == 300


def test_what_a_killed_process_held_is_taken_over_when_its_leases_end(town: Town) -> None:
    """Nothing is lost, and nothing is done twice before."""
    town.want(town.quiet, "wmEvent")
    with town.office.runtime.engine.begin() as connection:
        run(connection, "update request set fence = 7, lease_until = now() + interval '1 hour' where lane = 1")
    town.office.reconcile()
    assert not town.settled(town.quiet)
    with town.office.runtime.engine.begin() as connection:
        run(connection, "update request set lease_until = now() - interval '1 s' where lane = 1")
    town.office.reconcile()
    assert town.settled(town.quiet) == {"wmEvent"}


def test_a_process_that_is_told_to_stop_gives_back_what_it_holds(town: Town) -> None:
    """Others go on at once, not when the leases end; what comes too late is not recorded twice."""
    town.fault(hang_s=4, times=8)
    town.want(town.noisy, *(f"wm{n}" for n in range(40)))
    town.office.reconciler.start_due()
    town.office.reconciler.stop(within_s=0)
    assert town.held(town.noisy) == 0
    town.make_office().reconcile()
    assert len(town.settled(town.noisy)) == 40
    assert town.office.reconciler.wait(20)


def test_a_database_that_goes_away_before_the_commit_costs_no_lease(town: Town, servers: EmbeddedServers) -> None:
    """What could not be recorded is given back as soon as the database answers, long before the lease would end."""
    town.fault(hang_s=2)
    town.want(town.noisy, "wm1")
    before = town.calls()
    assert town.office.reconciler.start_due() == 1
    wait_for(lambda: town.calls() > before, "the read")
    name = str(town.office.runtime.engine.url.database)
    admin = make_engine(database_url_of(servers, "postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"alter database {name} with allow_connections false"))
        run(connection, "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name", name=name)
        assert town.office.reconciler.wait(20)
        connection.execute(text(f"alter database {name} with allow_connections true"))
    admin.dispose()
    with pytest.raises(Exception, match="OperationalError"):
        town.office.reconciler.start_due()
    town.office.reconcile()
    assert town.settled(town.noisy) == {"wm1"}


def test_a_corp_whose_key_is_broken_holds_up_no_other(town: Town) -> None:
    """Its subjects stay due."""
    town.want(town.noisy, "wm1")
    town.want(town.quiet, "wmEvent")
    with town.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set data_key = 'x' where id = :id", id=town.noisy)
    town.make_office().reconcile()
    assert (town.settled(town.noisy), town.settled(town.quiet)) == (set(), {"wmEvent"})
