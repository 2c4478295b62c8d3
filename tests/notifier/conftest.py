"""A corp with phones in the simulator, for everything that is delivered."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import SimulatedCorp, record_demo_corp
from shared.clock import SystemClock
from shared.runtime import Runtime
from shared.settings import Settings
from shared.vault import Vault
from tests.notifier.desk import Desk


@pytest.fixture
def desk(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Desk]:
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    settings = Settings(_env_file=None, wecom_base_url=simulator_url, wecom_read_timeout_s=1)
    runtime = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with ThreadPoolExecutor(4) as pool:
        yield Desk(runtime, corp, pool)
