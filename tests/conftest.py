"""Real servers for every test: one PostgreSQL and one Valkey per session, a fresh migrated database per test."""

import gc
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from redis import Redis
from sqlalchemy import Connection, Engine, create_engine, text

from shared.clock import FixedClock
from shared.db.engine import make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.vault import Vault

# Their bounds are rates and waits in real seconds, which another test's processes beside them would break.
ALONE = ("tests/shared/wecom/test_pressure.py",)
MEMORY, ENOUGH = "/dev/shm", 4 << 30
FEW_PARTITIONS = """
do $$ declare parent regclass; child regclass; begin
  for parent in select partrelid from pg_partitioned_table where partstrat = 'h' loop
    for child in select inhrelid from pg_inherits where inhparent = parent loop
      execute format('drop table %s', child);
    end loop;
    for bucket in 0..1 loop
      execute format('create table %s partition of %s for values with (modulus 2, remainder %s)',
        quote_ident(parent || '_p' || bucket), parent, bucket);
    end loop;
  end loop;
end $$
"""
"""Two partitions by tenant instead of many: a database is some hundred files fewer to copy, to open and to drop."""
SECRET_KEY = "a secret key of the tests, long enough"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.as_posix().endswith(ALONE):
            item.add_marker(pytest.mark.alone)


def pytest_collection_finish() -> None:
    """What was imported lives as long as the session: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that runs in this process sets logging up for good; loggers used later would keep that for ever."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    # Not in pytest's folder: run by root, each session that starts closes that to PostgreSQL's account for a moment.
    with (
        tempfile.TemporaryDirectory(prefix="guanxi-test-", dir=_in_memory(), ignore_cleanup_errors=True) as folder,
        EmbeddedServers(Path(folder)) as running,
    ):
        _leave_flushing_to_the_kernel(running)
        yield running


def _in_memory() -> str | None:
    """Where databases are copied in a tenth of the time; None for the disk, when there is little memory or none."""
    there = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH
    return MEMORY if there else None


def _leave_flushing_to_the_kernel(servers: EmbeddedServers) -> None:
    """These servers' data ends with the session: only a crash of the machine could tell the difference."""
    with administering(servers) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"alter system set {setting} = off"))
        connection.execute(text("select pg_reload_conf()"))


@contextmanager
def administering(servers: EmbeddedServers) -> Iterator[Connection]:
    """A connection on which each statement is committed by itself, as those about whole databases must be."""
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    admin.dispose()


@pytest.fixture(scope="session")
def template(servers: EmbeddedServers) -> str:
    """The name of a migrated, empty database that tests copy."""
    with administering(servers) as connection:
        connection.execute(text("create database template_guanxi"))
    engine = make_engine(database_url_of(servers, "template_guanxi"))
    migrate(engine, now=datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(text(FEW_PARTITIONS))
    engine.dispose()
    return "template_guanxi"


def database_url_of(servers: EmbeddedServers, name: str) -> str:
    return servers.database_url.replace("/guanxi?", f"/{name}?")


@pytest.fixture
def beginning(template: str) -> str:
    """The database that a test's own begins as a copy of."""
    return template


@pytest.fixture
def database_url(servers: EmbeddedServers, beginning: str) -> Iterator[str]:
    """A database of this test's own; what it commits is really committed."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with administering(servers) as connection:
        connection.execute(text(f"create database {name} template {beginning} strategy file_copy"))
        yield database_url_of(servers, name)
        connection.execute(text(f"drop database {name} with (force)"))


def quick_engine(database_url: str) -> Engine:
    """Commits that do not wait for the disk, statements planned once: for whoever neither ends PostgreSQL nor fills it.

    Half of a worker's time goes into planning the same statements for empty tables again.
    """
    made = make_engine(database_url)
    return create_engine(
        made.url,
        pool_size=8,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC -c synchronous_commit=off", "prepare_threshold": 3},
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = quick_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def redis_url(servers: EmbeddedServers) -> str:
    Redis.from_url(servers.redis_url).flushall()
    return servers.redis_url


@pytest.fixture
def vault() -> Vault:
    return Vault(SECRET_KEY)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def fixtures() -> Path:
    return Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """A WeCom of this session's own, as a process; whoever uses it resets it first."""
    command = [sys.executable, "-m", "simulator", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()
