"""A database whose changes are rolled back, and a corp stored in it."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from shared.clock import FixedClock
from shared.db.engine import make_engine
from shared.embedded import EmbeddedServers
from shared.ids import TenantId
from shared.tenants import record_corp
from shared.vault import Vault
from tests.conftest import database_url_of
from tests.shared.corps import corp_file


@pytest.fixture(scope="session")
def session_database(servers: EmbeddedServers, template: str) -> Callable[[str], str]:
    """Makes a migrated database that lasts for the session; its address. A new one for each test costs more."""

    def make(name: str) -> str:
        admin = make_engine(servers.database_url)
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"create database {name} template {template} strategy file_copy"))
        admin.dispose()
        return database_url_of(servers, name)

    return make


@pytest.fixture(scope="session")
def rolled_back(session_database: Callable[[str], str]) -> Iterator[Engine]:
    made = make_engine(session_database("rolled_back"))
    yield made
    made.dispose()


@pytest.fixture
def connection(rolled_back: Engine) -> Iterator[Connection]:
    """A transaction that ends with the test."""
    with rolled_back.connect() as opened, opened.begin() as transaction:
        yield opened
        transaction.rollback()


@pytest.fixture
def tenant_id(connection: Connection, vault: Vault, clock: FixedClock) -> TenantId:
    return record_corp(connection, vault, corp_file(), now=clock.now())
