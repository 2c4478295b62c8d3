"""A simulated WeCom as a process of its own, a corp in it and here, and clients of that corp."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.db.engine import make_engine, run
from shared.settings import Settings
from shared.tenants import Tenant, load_tenants, record_corp
from shared.vault import Vault
from shared.wecom.client import WeComClient
from shared.wecom.client import make_client as new_client
from shared.wecom.wire import Wire
from tests.shared.corps import APP_SECRET, CORP, corp_file


@dataclass(frozen=True)
class Sim:
    """The simulator's control API."""

    url: str

    def __call__(self, path: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        answer = requests.request(method, f"{self.url}/sim/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def corp(self, path: str, body: Any = None) -> Any:
        return self(f"corps/{CORP}/{path}", body)

    def fault(self, path: str, **rest: Any) -> None:
        self("faults", {"path": path, **rest})

    def calls(self, path: str) -> dict[str, int]:
        """errcode -> how often this API answered it."""
        return dict(self("calls").get(path, {}))


@pytest.fixture
def sim(simulator_url: str) -> Sim:
    """An emptied simulator with the corp, its app and the members LiNa and ZhaoMin."""
    made = Sim(simulator_url)
    made("reset", {})
    made("corps", {"corp_id": CORP, "apps": [{"name": "Guanxi", "secret": APP_SECRET, "agent_id": 1000002}]})
    made.corp("members", [{"userid": "LiNa", "name": "李娜"}, {"userid": "ZhaoMin", "name": "赵敏"}])
    return made


@pytest.fixture(scope="session")
def database_url(session_database: Callable[[str], str]) -> str:
    """One for all tests of this folder; `tenant` empties it."""
    return session_database("wecom")


@pytest.fixture
def tenant(engine: Engine, vault: Vault, clock: FixedClock) -> Tenant:
    with engine.begin() as connection:
        run(connection, "truncate tenant, app, receiver, credential, api_budget, circuit cascade")
        record_corp(connection, vault, corp_file(), now=clock.now())
        return load_tenants(connection, vault)[0]


@pytest.fixture
def make_client(sim: Sim, database_url: str, tenant: Tenant, clock: FixedClock) -> Iterator[Callable[..., WeComClient]]:
    """Clients as separate processes would have them: nothing in common but the database."""
    engines: list[Engine] = []

    def make(*, app: str = "contact", **settings: Any) -> WeComClient:
        engines.append(make_engine(database_url))
        values = {"wecom_base_url": sim.url, "wecom_read_timeout_s": 5, **settings}
        wire = Wire(Settings(_env_file=None, **values), engine=engines[-1], clock=clock, connections=8)
        return new_client(
            wire,
            engine=engines[-1],
            clock=clock,
            tenant=tenant,
            app=app,
        )

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def client(make_client: Callable[..., WeComClient]) -> WeComClient:
    return make_client()
