"""A corp in a simulated WeCom and here, and the worker's parts in this process, which work when a test says so."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from shared.clock import Clock, SystemClock
from shared.db.engine import fetch_all
from shared.directory import Directory
from shared.requests import EVENTS, Subject, Wanted, want
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import load_tenants
from shared.vault import Vault
from shared.wecom.clients import Clients
from sync_worker.reconcile import Reconciler
from sync_worker.resync import walk_step


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

    def walk(self) -> None:
        """The first sync, to its end."""
        while walk_step(self.runtime, self.directory, self.clients):
            pass

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]


@pytest.fixture
def make_office(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Callable[..., Office]]:
    """Offices over one database: several are several worker processes."""
    with ThreadPoolExecutor(4) as pool:
        corp = SimulatedCorp(simulator_url)
        corp.post("/sim/reset", {})
        corp.create([])

        def make(**settings: Any) -> Office:
            values = {"wecom_base_url": simulator_url, "add_lag_s": 0, "wecom_read_timeout_s": 3, **settings}
            runtime = Runtime(
                Settings(_env_file=None, **values), SystemClock(), engine, Redis.from_url(redis_url), vault
            )
            return Office(runtime, corp, pool)

        yield make


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    """A live corp without customers."""
    made = make_office()
    record_demo_corp(made.runtime)
    made.walk()
    made.reconcile()
    assert made.rows("select corp_id, state from tenant") == [(CORP_ID, "live")]
    return made
