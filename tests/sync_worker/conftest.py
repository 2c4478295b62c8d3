"""A corp in a simulated WeCom and here, and the worker's parts in this process, which work when a test says so."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from shared.clock import Clock, SystemClock
from shared.db.engine import fetch_all, run
from shared.directory import Directory
from shared.embedded import EmbeddedServers
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId
from shared.inbox import NO_DAY
from shared.requests import EVENTS, Subject, Wanted, want
from shared.runtime import Runtime
from shared.settings import Settings
from shared.sync_runs import open_runs
from shared.tenants import Tenant, load_tenants
from shared.vault import Vault
from shared.wecom.clients import Clients
from sync_worker.reconcile import Reconciler
from sync_worker.resync.passes import PASSES
from sync_worker.resync.steps import walk_step
from tests.conftest import SECRET_KEY, administering, database_url_of, quick_engine

_numbers = itertools.count()


@dataclass
class Office:
    """The corp's two sides and the parts between them."""

    runtime: Runtime
    corp: SimulatedCorp
    pool: ThreadPoolExecutor
    rung: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory = Directory(self.runtime.vault)
        self.clients = Clients(self.runtime, connections=4)
        self.reconciler = Reconciler(
            self.runtime,
            directory=self.directory,
            clients=self.clients,
            pool=self.pool,
            notify=lambda: self.rung.append("notifier"),
        )

    def move_clock(self, clock: Clock) -> None:
        """Go on under another clock, as a process that is started anew would."""
        self.runtime = replace(self.runtime, clock=clock)
        self.__post_init__()

    def want(self, external_userid: str, *, cause: str = "event") -> None:
        with self.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, self.runtime.vault)[0]
            wish = Wanted(Subject(tenant.id, "external_contact", external_userid), EVENTS, cause)
            want(connection, [wish], now=self.runtime.clock.now())

    def reconcile(self) -> None:
        while self.reconciler.reconcile_due(limit=50):
            pass

    @property
    def tenant(self) -> Tenant:
        with self.runtime.engine.begin() as connection:
            return load_tenants(connection, self.runtime.vault)[0]

    def happen(self, action: dict[str, object], kind: str) -> str:
        """Something happens in WeCom, and its event has been routed: evidence and a request, one commit."""
        made = self.corp.act({"silent": True, **action})
        row = EvidenceRow(
            subject=Subject(self.tenant.id, "external_contact", made["external_userid"]),
            userid=str(action["userid"]),
            kind=kind,
            occurred_at=self.runtime.clock.now(),
            details={},
            fingerprint=str(made).encode(),
            inbox_day=NO_DAY,
            inbox_id=InboxId(1),
        )
        with self.runtime.engine.begin() as connection:
            record_evidence(connection, [row], now=self.runtime.clock.now())
        self.want(made["external_userid"])
        return str(made["external_userid"])

    def step(self) -> int:
        """One step of one open run; 0 when none is due."""
        return walk_step(self.runtime, self.directory, self.clients)

    def walk(self) -> None:
        """Take steps and reconcile what they ask for, until no run is open or all that are wait for long."""
        while self.step() or self.reconciler.reconcile_due(limit=50) or self._soon():
            pass

    def resync(self, *resources: str) -> list[tuple[Any, ...]]:
        """Full passes to their end; how each ended: (resource, state)."""
        with self.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, self.runtime.vault)[0]
            named = {"resources": resources or tuple(PASSES)}
            ids = open_runs(connection, tenant.id, now=self.runtime.clock.now(), **named)
        self.walk()
        return self.rows(f"select resource, state from sync_run where id = any(array{ids}::bigint[]) order by id")

    def _soon(self) -> bool:
        """Whether a run waits that is to be asked again within a second; one that only waits is due at once."""
        waits = self.rows(
            "select greatest(r.next_try_at, r.lease_until, (select min(greatest(b.next_try_at, b.lease_until)) "
            "from sync_block b where b.tenant_id = r.tenant_id and b.run_id = r.id and not b.done)) from sync_run r "
            "where r.state = 'walking' and not r.paused"
        )
        now = self.runtime.clock.now()
        wait_s = min(((due - now).total_seconds() for (due,) in waits), default=9.0)
        if wait_s < 1 and not self._hurry():
            time.sleep(max(0.01, wait_s))
        return wait_s < 1

    def _hurry(self) -> int:
        """Runs and blocks that would be asked again within a second are asked now; how many. A lease is waited for."""
        with self.runtime.engine.begin() as connection:
            now = self.runtime.clock.now()
            times = {"now": now, "soon": now + timedelta(seconds=1)}
            rows = "next_try_at > :now and next_try_at < :soon and (lease_until is null or lease_until <= :now)"
            return sum(
                run(connection, f"update {table} set next_try_at = :now where {rows}", **times)
                for table in ("sync_run", "sync_block")
            )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]


@pytest.fixture(scope="session")
def living(servers: EmbeddedServers, template: str, simulator_url: str) -> str:
    """The name of a database in which the demo corp lives, without customers: its first sync is played once."""
    name = f"living_{next(_numbers)}"
    with administering(servers) as connection:
        connection.execute(text(f"create database {name} template {template} strategy file_copy"))
        engine, vault = quick_engine(database_url_of(servers, name)), Vault(SECRET_KEY)
        with ThreadPoolExecutor(4) as pool:
            made = office_of(engine, servers.redis_url, vault, simulator_url, pool)()
            bring_to_life(made)
        with engine.begin() as opened:  # the WeCom that gave it is reset before each test
            run(opened, "delete from credential")
        engine.dispose()
        connection.execute(text(f"alter database {name} allow_connections false"))
        ends = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = :name"
        connection.execute(text(ends), {"name": name})
    return name


@pytest.fixture
def beginning(request: pytest.FixtureRequest, template: str) -> str:
    """Who asks for a live corp begins with one."""
    return str(request.getfixturevalue("living")) if "office" in request.fixturenames else template


def office_of(
    engine: Engine, redis_url: str, vault: Vault, simulator_url: str, pool: ThreadPoolExecutor
) -> Callable[..., Office]:
    """Makes offices of the demo corp in a WeCom that begins anew."""
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])

    def make(**settings: Any) -> Office:
        values = {"wecom_base_url": simulator_url, "add_lag_s": 0, "wecom_read_timeout_s": 3, **settings}
        runtime = Runtime(Settings(_env_file=None, **values), SystemClock(), engine, Redis.from_url(redis_url), vault)
        return Office(runtime, corp, pool)

    return make


def bring_to_life(made: Office) -> Office:
    record_demo_corp(made.runtime)
    made.walk()
    made.reconcile()
    assert made.rows("select corp_id, state from tenant") == [(CORP_ID, "live")]
    return made


@pytest.fixture
def make_office(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Callable[..., Office]]:
    """Offices over one database: several are several worker processes."""
    with ThreadPoolExecutor(32) as pool:
        yield office_of(engine, redis_url, vault, simulator_url, pool)


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    """A live corp without customers."""
    return bring_to_life(make_office())
