"""Corps with much to do, of a database that tests of the session share, or of servers that can be stopped."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from shared.clock import SystemClock
from shared.db.engine import make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.runtime import Runtime
from shared.settings import Settings
from shared.vault import Vault
from tests.conftest import SECRET_KEY
from tests.flows.jobs.changing import Deleting, Editing, Tagging
from tests.flows.jobs.dealing import Dealing
from tests.flows.jobs.exporting import Exporting, ExportingSheets
from tests.flows.jobs.ruling import Filling, Ruling
from tests.flows.jobs.town import Job, Town, make_town

JOBS = (Dealing, Tagging, Editing, Deleting, Ruling, Filling, Exporting, ExportingSheets)
MakeJob = Callable[[Town], Job]


@pytest.fixture(params=JOBS, ids=lambda one: one.__name__)
def make_job(request: pytest.FixtureRequest) -> MakeJob:
    made: MakeJob = request.param
    return made


@pytest.fixture
def town(engine: Engine, database_url: str, redis_url: str, vault: Vault, tmp_path: Path) -> Iterator[Town]:
    made = _town(engine, database_url, redis_url, vault, tmp_path)
    yield made
    made.end()


def _town(engine: Engine, database_url: str, redis_url: str, vault: Vault, folder: Path) -> Town:
    runtime = Runtime(Settings(_env_file=None), SystemClock(), engine, Redis.from_url(redis_url), vault)
    return make_town(runtime, folder, DATABASE_URL=database_url, REDIS_URL=redis_url, SECRET_KEY=SECRET_KEY)


@pytest.fixture
def mortal_servers() -> Iterator[EmbeddedServers]:
    """A PostgreSQL that may be stopped and killed: no other test knows it."""
    with (
        tempfile.TemporaryDirectory(prefix="guanxi-test-", ignore_cleanup_errors=True) as folder,
        EmbeddedServers(Path(folder)) as running,
    ):
        engine = make_engine(running.database_url)
        migrate(engine, now=datetime.now(UTC))
        engine.dispose()
        yield running


@pytest.fixture
def mortal_town(mortal_servers: EmbeddedServers, vault: Vault, tmp_path: Path) -> Iterator[Town]:
    engine = make_engine(mortal_servers.database_url)
    made = _town(engine, mortal_servers.database_url, mortal_servers.redis_url, vault, tmp_path)
    yield made
    made.end()
    engine.dispose()
