"""A corp of which all processes and servers run, whose time passes when a test says so."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import SimulatedCorp, record_demo_corp
from commands.stack import Stack
from shared.clock import SystemClock
from shared.runtime import Runtime
from shared.settings import Settings, load_settings
from shared.vault import Vault
from tests.flows.conftest import QUICK, make_world
from tests.flows.reminding.square import Square
from tests.notifier.desk import Desk


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    made = tmp_path / "clock"
    made.write_text("0")
    return made


@pytest.fixture
def square(tmp_path: Path, clock_file: Path) -> Iterator[Square]:
    """Two workers and two notifiers; every callback is sent twice."""
    settings = load_settings(home=tmp_path / "home", gateway_bind="127.0.0.1:0", clock_file=clock_file)
    extra = {**QUICK, "CLOCK_FILE": str(clock_file), "RESYNC_CRON": "off", "DRIFT_SAMPLE": "0"}
    with Stack(settings, simulator=True, workers=2, notifiers=2, extra=extra) as stack:
        made = Square(make_world(stack), clock_file)
        made.open()
        yield made


@pytest.fixture
def desk(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Desk]:
    """A corp and its phones in a database that tests of the session share; whoever works, works in this process."""
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    settings = Settings(_env_file=None, wecom_base_url=simulator_url, wecom_read_timeout_s=1)
    runtime = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with ThreadPoolExecutor(4) as pool:
        yield Desk(runtime, corp, pool)
