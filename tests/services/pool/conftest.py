"""A database of a module's own, for what commits and what happens at once."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from shared.clock import FixedClock
from shared.db.engine import make_engine
from shared.embedded import EmbeddedServers
from shared.tenants import Tenant
from shared.vault import Vault
from tests.conftest import database_url_of
from tests.services.conftest import add_tenant


@pytest.fixture(scope="module")
def committed(servers: EmbeddedServers, template: str) -> Iterator[Engine]:
    """One database for the tests of a module, each with a corp of its own."""
    name = f"test_pool_{os.getpid()}"
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as opened:
        opened.execute(text(f"create database {name} template {template} strategy file_copy"))
        made = make_engine(database_url_of(servers, name), pool_size=20)
        yield made
        made.dispose()
        opened.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture
def corp(committed: Engine, vault: Vault, request: pytest.FixtureRequest) -> Tenant:
    clock = FixedClock(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))
    with committed.begin() as connection:
        return add_tenant(connection, vault, clock, corp_id=f"ww{abs(hash(request.node.name)):018d}"[:18])
