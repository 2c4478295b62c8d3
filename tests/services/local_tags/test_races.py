"""Two at once: giving against deleting, giving against merging. Whoever comes second waits for the first."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from services.chosen import these
from services.local_tags.giving import Tagged, tag_page
from services.local_tags.model import Kind, NoTagError, Tagging
from services.local_tags.store import record_deleted, record_group, record_tag
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.tenants import Tenant
from shared.vault import Vault
from tests.services.conftest import add_tenant


class Race:
    """A customer, a tag, and two transactions; neither waits for the other longer than a moment."""

    def __init__(self, engine: Engine, tenant: Tenant, clock: FixedClock) -> None:
        self.engine, self.tenant, self.now = engine, tenant, clock.now()
        with engine.begin() as connection:
            group = record_group(connection, tenant.id, "喜好", None, now=self.now)
            self.tag = record_tag(connection, tenant.id, group, "茶", Kind.MANUAL, now=self.now)
            sql = "insert into customer (tenant_id, created_at, updated_at) values (:t, :now, :now) returning id"
            self.one, self.two = (fetch_all(connection, sql, t=tenant.id, now=self.now)[0]["id"] for _ in range(2))

    def give(self, connection: Connection) -> Tagged:
        whom = these(self.tenant.id, [self.one])
        return tag_page(connection, self.tenant.id, whom, Tagging((self.tag,)), by_whom="x", now=self.now)

    def delete(self, connection: Connection) -> None:
        record_deleted(connection, self.tenant.id, [self.tag], by="x", now=self.now)

    def merge(self, connection: Connection) -> None:
        fetch_all(connection, "select id from customer where id = :id for update", id=self.one)
        run(connection, "update customer set merged_into = :two where id = :id", two=self.two, id=self.one)


@pytest.fixture
def race(engine: Engine, vault: Vault, clock: FixedClock) -> Race:
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
    return Race(engine, tenant, clock)


@pytest.fixture
def first(race: Race) -> Iterator[Connection]:
    with race.engine.connect() as opened:
        yield opened


@pytest.fixture
def second(race: Race) -> Iterator[Connection]:
    with race.engine.connect() as opened:
        run(opened, "set lock_timeout = '100ms'")
        opened.commit()
        yield opened


def test_a_deletion_waits_for_whoever_gives_the_tag(race: Race, first: Connection, second: Connection):
    """So the walk behind it, which begins after its commit, finds what they gave (TAG-3)."""
    race.give(first)
    with pytest.raises(OperationalError):
        race.delete(second)
    first.commit()
    second.rollback()
    race.delete(second)


def test_a_tag_that_is_being_deleted_is_not_given(race: Race, first: Connection, second: Connection):
    """The giver waits, and then hears that it is gone (TAG-3)."""
    race.delete(first)
    with pytest.raises(OperationalError):
        race.give(second)
    first.commit()
    second.rollback()
    with pytest.raises(NoTagError):
        race.give(second)


def test_whoever_is_being_merged_is_waited_for_and_then_left_alone(race: Race, first: Connection, second: Connection):
    """No tag lands on a record that nobody looks at any more (TAG-3, CUS-9)."""
    race.merge(first)
    with pytest.raises(OperationalError):
        race.give(second)
    first.commit()
    second.rollback()
    assert race.give(second).given == {race.tag: [race.two]}
