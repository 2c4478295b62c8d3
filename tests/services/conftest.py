"""A tenant in a real database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import make_engine
from shared.embedded import EmbeddedServers
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from tests.conftest import database_url_of


def add_tenant(connection: Connection, vault: Vault, clock: FixedClock, *, corp_id: str) -> Tenant:
    corp = CorpFile(corp_id=corp_id, name="Example Retail")
    tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=clock.now()))
    assert tenant is not None
    return tenant


@pytest.fixture(scope="session")
def rolled_back_engine(servers: EmbeddedServers, template: str) -> Iterator[Engine]:
    """One database for all stores: their tests commit nothing."""
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as opened:
        opened.execute(text(f"create database test_stores template {template} strategy file_copy"))
    admin.dispose()
    made = make_engine(database_url_of(servers, "test_stores"))
    yield made
    made.dispose()


@pytest.fixture
def connection(rolled_back_engine: Engine) -> Iterator[Connection]:
    """One transaction that is rolled back at the end."""
    with rolled_back_engine.connect() as opened:
        yield opened


@pytest.fixture
def tenant(connection: Connection, vault: Vault, clock: FixedClock) -> Tenant:
    return add_tenant(connection, vault, clock, corp_id="ww0000000000000001")


@pytest.fixture
def other_tenant(connection: Connection, vault: Vault, clock: FixedClock) -> Tenant:
    """Another corp in the same database, whose rows nobody else may see."""
    return add_tenant(connection, vault, clock, corp_id="ww0000000000000002")
