"""A corp whose operators send and fetch files; jobs are carried out in this process, when a test says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from redis import Redis
from sqlalchemy import Engine

from services.files.jobs import ask, load_job, restart
from services.files.model import Job, Kind, State
from services.files.store import add_piece, begin_file, finish_file, load_file, load_piece, pieces_of
from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.runtime import Runtime
from shared.settings import Settings
from shared.spreadsheets.model import Format
from shared.spreadsheets.reading import format_of
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from sync_worker.files.job import work_once

ASKED = {
    "mapping": None, "tag_ids": [], "source": "import", "userid": None, "existing": "update", "make": True,
    "pool": True,
}  # fmt: skip
BY = "Chen Jing"


@dataclass
class Desk:
    runtime: Runtime
    tenant: Tenant
    clock: FixedClock
    told: dict[str, object] = field(default_factory=dict)

    def run(self, sql: str, **values: object) -> None:
        with self.runtime.engine.begin() as connection:
            run(connection, sql, tenant_id=self.tenant.id, now=self.clock.now(), **values)

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **values)]

    def one(self, sql: str, **values: object) -> Any:
        return self.rows(sql, **values)[0][0]

    def upload(self, content: bytes | str, name: str = "customers.csv") -> int:
        body = content.encode() if isinstance(content, str) else content
        with self.runtime.engine.begin() as connection:
            now, until = self.clock.now(), self.clock.now() + timedelta(days=7)
            file_id = begin_file(
                connection, self.tenant, origin="upload", name=name, format_=None, by=BY, now=now, until=until
            )
            for n, piece in enumerate(pieces_of(iter([body]))):
                add_piece(connection, self.tenant, file_id, n, piece)
            finish_file(connection, self.tenant.id, file_id, format_=format_of(body[:512]), until=until)
        return file_id

    def ask(self, content: bytes | str, **asked: object) -> int:
        file_id = self.upload(content)
        with self.runtime.engine.begin() as connection:
            whole = {**ASKED, **asked}
            return ask(connection, self.tenant, Kind.IMPORT, whole, file_id=file_id, by=BY, now=self.clock.now())

    def check(self, content: bytes | str, **asked: object) -> Job:
        job_id = self.ask(content, **asked)
        self.work()
        return self.job(job_id)

    def start(self, job_id: int) -> None:
        with self.runtime.engine.begin() as connection:
            restart(connection, self.tenant, job_id, State.RUNNING, now=self.clock.now())

    def bring(self, content: bytes | str, **asked: object) -> Job:
        """Check and import."""
        job = self.check(content, **asked)
        self.start(job.id)
        self.work()
        return self.job(job.id)

    def export(self, *columns: str, format: Format = Format.CSV, **asked: object) -> int:
        with self.runtime.engine.begin() as connection:
            now = self.clock.now()
            file_id = begin_file(
                connection, self.tenant, origin="export", name="customers", format_=format, by=BY, now=now,
                until=now + timedelta(days=7),
            )  # fmt: skip
            whole = {
                "chosen": {"all": True}, "columns": columns, "format": format, "language": "en", "masked": False,
                **asked,
            }  # fmt: skip
            return ask(connection, self.tenant, Kind.EXPORT, whole, file_id=file_id, by=BY, now=now)

    def work(self) -> None:
        while work_once(self.runtime):
            pass

    def job(self, job_id: int) -> Job:
        with self.runtime.engine.begin() as connection:
            return load_job(connection, self.tenant, job_id)

    def fetch(self, file_id: int | None) -> bytes:
        assert file_id is not None
        with self.runtime.engine.begin() as connection:
            file = load_file(connection, self.tenant, file_id, now=self.clock.now())
            assert file.state == "ready"
            body = b"".join(load_piece(connection, self.tenant, file_id, n) for n in range(file.pieces))
        assert len(body) == file.size
        return body

    def lines(self, file_id: int | None) -> list[str]:
        return self.fetch(file_id).decode("utf-8-sig").splitlines()

    def own(self) -> list[Mapping[str, Any]]:
        """Own fields of all customers, in the order of ids."""
        found = self.rows("select own from customer where merged_into is null order by id")
        return [orjson.loads(self.tenant.cipher.decrypt(own, "customer.own")) if own else {} for (own,) in found]

    def identities(self) -> list[tuple[int, str, str, bool, str]]:
        found = self.rows("select customer_id, kind, value, verified, source from identity order by customer_id, kind")
        return [(c, k, self.tenant.cipher.decrypt(v, "identity.value").decode(), ok, s) for c, k, v, ok, s in found]

    def add_tag(self, name: str, *, group: str = "等级", kind: str = "manual") -> int:
        self.run(
            "insert into local_tag_group (tenant_id, of, name, position, created_at) "
            "select :tenant_id, 'customer', :name, 0, :now where not exists "
            "(select from local_tag_group where name = :name)",
            name=group,
        )
        self.run(
            "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) select :tenant_id, id, "
            ":kind, :name, 0, :now from local_tag_group where name = :group_name",
            name=name, kind=kind, group_name=group,
        )  # fmt: skip
        return int(self.one("select max(id) from local_tag"))

    def add_associate(self, userid: str, name: str) -> None:
        self.run(
            "insert into associate (tenant_id, userid, name, observed_at) values (:tenant_id, :userid, :name, :now)",
            userid=userid, name=name,
        )  # fmt: skip


MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> Desk:
    with engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=clock.now()))
    assert tenant is not None
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    return Desk(runtime, tenant, clock)
