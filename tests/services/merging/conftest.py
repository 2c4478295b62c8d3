"""Customers with something in every table, and pictures of all that hangs on them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from services.merging.merge import merge
from services.merging.tables import MOVED, SUMMED
from services.merging.undo import Parting, undo
from services.persons.model import make_identity
from services.persons.store import load_own, make_customer, record_identities, record_own
from services.purchases.model import Behaviour, Order, OrderStatus
from services.purchases.store import load_purchases, record_events, record_order, summarise
from shared.audit import Origin, record_audit
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, make_engine, run
from shared.embedded import EmbeddedServers
from shared.ids import CustomerId
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from tests.conftest import database_url_of

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TABLES = (*MOVED, *SUMMED)


@pytest.fixture(scope="module")
def module_engine(servers: EmbeddedServers, template: str) -> Iterator[Engine]:
    """One database for all tests of a module; each works with customers of its own."""
    name = f"merging_{os.getpid()}"
    admin = make_engine(servers.database_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"create database {name} template {template} strategy file_copy"))
        made = make_engine(database_url_of(servers, name))
        yield made
        made.dispose()
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture(scope="module")
def tenant(module_engine: Engine) -> Tenant:
    vault = Vault("a secret key of the tests, long enough")
    with module_engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        found = load_tenant(connection, vault, record_corp(connection, vault, corp, now=NOW))
        assert found is not None
        return found


@dataclass
class World:
    """In one transaction that is rolled back."""

    connection: Connection
    tenant: Tenant
    numbers: Iterator[int]

    def person(self, *identities: str, **own: object) -> CustomerId:
        one = make_customer(self.connection, self.tenant.id, now=NOW)
        held = [make_identity(*told.split("=", 1), region="CN") for told in identities]  # type: ignore[misc]
        record_identities(self.connection, self.tenant, one, held, source="api", now=NOW)
        if own:
            record_own(self.connection, self.tenant, one, own, now=NOW)
        return one

    def contact(self, one: CustomerId, external_userid: str, userid: str = "LiNa") -> None:
        self.run(
            "insert into external_contact (tenant_id, external_userid, customer_id, cause) "
            "values (:tenant_id, :key, :id, 'event')",
            key=external_userid,
            id=one,
        )
        self.run(
            "update customer set standing = 'friend', assigned_userid = :userid, assigned_at = :now, "
            "assignment_changed_at = :now where tenant_id = :tenant_id and id = :id",
            userid=userid,
            id=one,
            now=NOW,
        )

    def order(self, one: CustomerId, amount: int = 100) -> str:
        id_ = f"T-{next(self.numbers)}"
        placed = Order("tmall", id_, one, amount, "CNY", OrderStatus.PAID, 1, NOW, NOW)
        record_order(self.connection, self.tenant.id, placed, now=NOW)
        summarise(self.connection, self.tenant.id, [one])
        return id_

    def event(self, one: CustomerId) -> str:
        id_ = f"e-{next(self.numbers)}"
        record_events(self.connection, self.tenant, [Behaviour(id_, one, "page_viewed", NOW)], now=NOW)
        return id_

    def tag(self, one: CustomerId, tag_id: int, by: str = "LiNa") -> None:
        self.run(
            "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
            "values (:tenant_id, :id, :tag, :now, :by)",
            id=one,
            tag=tag_id,
            now=NOW,
            by=by,
        )

    def pool(self, one: CustomerId, status: str, userid: str | None = None) -> None:
        self.run(
            "insert into pool_record (tenant_id, customer_id, status, source, userid, by_whom, note, status_at, "
            "created_at) values (:tenant_id, :id, :status, 'import', :userid, 'Zhou', :note, :now, :now)",
            id=one,
            status=status,
            userid=userid,
            note=self.tenant.cipher.encrypt("忙".encode(), "pool_record.note"),
            now=NOW,
        )

    def company(self, one: CustomerId, company_id: str, role: str | None = None, *, ended: bool = False) -> None:
        self.run(
            "insert into company_customer values (:tenant_id, :company, :id, :role, :now, :now, :ended)",
            id=one,
            company=company_id,
            role=role,
            now=NOW,
            ended=NOW if ended else None,
        )

    def score(self, one: CustomerId, score: int, points: int) -> None:
        self.run(
            "insert into customer_score values (:tenant_id, :id, :score, :points)", id=one, score=score, points=points
        )

    def run(self, sql: str, **values: object) -> int:
        return run(self.connection, sql, tenant_id=self.tenant.id, **values)

    def rows(self, sql: str, **values: object) -> list[Mapping[str, Any]]:
        return [dict(row) for row in fetch_all(self.connection, sql, tenant_id=self.tenant.id, **values)]

    def merge(self, master: CustomerId, other: CustomerId, *take: str) -> int:
        done = merge(self.connection, self.tenant, master, other, take=take, by="operator:Zhou", now=NOW)
        record_audit(self.connection, self.tenant, done.changes, Origin("operator:Zhou", None, NOW))
        return done.merge_id

    def undo(self, merge_id: int) -> Parting:
        done = undo(self.connection, self.tenant, merge_id, by="operator:Zhou", now=NOW)
        record_audit(self.connection, self.tenant, done.changes, Origin("operator:Zhou", None, NOW))
        return done

    def picture(self) -> dict[str, Any]:
        """All that hangs on all customers; what is encrypted, opened."""
        found: dict[str, Any] = {}
        for name in [one if isinstance(one, str) else one.name for one in TABLES]:
            rows = self.rows(
                f"select to_jsonb(t) - 'note' - 'value' - 'reason' as row from {name} t where tenant_id = :tenant_id"
            )
            found[name] = sorted(
                (str({**row["row"], "id": None}) if name == "identity" else str(row["row"])) for row in rows
            )
        customers = self.rows(
            "select id, standing, assigned_userid, assigned_at, assignment_changed_at, merged_into from customer "
            "where tenant_id = :tenant_id order by id"
        )
        ids = [row["id"] for row in customers]
        found["customer"] = customers
        found["own"] = load_own(self.connection, self.tenant, ids)
        found["purchases"] = load_purchases(self.connection, self.tenant.id, ids)
        found["notes"] = sorted(
            self.tenant.cipher.decrypt(row["note"], "pool_record.note").decode()
            for row in self.rows("select note from pool_record where tenant_id = :tenant_id")
        )
        return found


@pytest.fixture
def world(module_engine: Engine, tenant: Tenant) -> Iterator[World]:
    with module_engine.connect() as connection:
        transaction = connection.begin()
        yield World(connection, tenant, iter(range(10**9)))
        transaction.rollback()
