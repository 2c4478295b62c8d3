"""The stage on which plays are played: one database, one simulator, one gateway for all plays of a module."""

import itertools
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import tenacity.nap
from redis import Redis
from sqlalchemy import Engine, create_engine, text

from shared.clock import FixedClock
from shared.db.engine import make_engine
from shared.embedded import EmbeddedServers
from shared.vault import Vault
from tests.conftest import database_url_of
from tests.convergence.gateway import Gateway
from tests.convergence.post import PostOffice
from tests.convergence.relay import Relay
from tests.convergence.scene import START
from tests.convergence.score import SCORES
from tests.convergence.stage import Axe, Stage

_numbers = itertools.count()


class _Sleepless:
    """What waits between tries within one call: in a play only the clock of the play passes."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """At once."""


@pytest.fixture(scope="module")
def quick(servers: EmbeddedServers, template: str) -> Iterator[Engine]:
    """Commits that do not wait for the disk, statements planned once, no pings: no play kills the database."""
    name, admin = f"play_{next(_numbers)}", make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database {name} template {template} strategy file_copy"))
        connection.execute(text(f"alter database {name} set synchronous_commit = off"))
        made = make_engine(database_url_of(servers, name))
        engine = create_engine(
            made.url,
            pool_size=8,
            hide_parameters=True,
            connect_args={"options": "-c timezone=UTC -c jit=off", "prepare_threshold": 3},
        )
        made.dispose()
        yield engine
        engine.dispose()
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture(scope="module")
def stage(
    quick: Engine, servers: EmbeddedServers, simulator_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    address, vault = urlsplit(simulator_url), Vault("a secret key of the plays, long enough")
    clock, redis = FixedClock(START), Redis.from_url(servers.redis_url)
    relay, post = Relay((address.hostname or "", address.port or 0)), PostOffice()
    gateway = Gateway(quick, vault, redis, folder=tmp_path_factory.mktemp("gateway"), clock=clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenacity.nap, "time", _Sleepless)
        yield Stage(quick, redis, vault, clock, relay, post, gateway, Axe(quick), simulator_url)
    gateway.close()
    post.close()
    relay.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in SCORES.lines():
        terminalreporter.write_line(line)
