"""One job in hand: what every step of it needs."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection

from services.files.jobs import claim, end, keep, read_job
from services.files.model import File, Job, NoFileError, State
from services.files.store import PieceReader, load_file, load_piece
from shared.db.engine import transact
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.spreadsheets.model import Table, UnreadableError
from shared.spreadsheets.reading import read_table
from shared.tenants import Tenant, load_tenant

BUFFER = 1 << 18
Result = TypeVar("Result")


@dataclass(frozen=True)
class Work:
    runtime: Runtime = field(repr=False)
    tenant: Tenant
    job: Job

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        return transact(self.runtime.engine, work)

    @property
    def lease_s(self) -> float:
        return self.runtime.settings.files_lease_s

    @property
    def keep_until(self) -> timedelta:
        return timedelta(seconds=self.runtime.settings.files_keep_s)

    def still_mine(self) -> None:
        """
        Raises:
            LostJobError
        """
        now = self.runtime.clock.now()
        self.transact(lambda c: keep(c, self.tenant, self.job, now=now, lease_s=self.lease_s))

    def fail(self, code: str, **values: object) -> None:
        now = self.runtime.clock.now()
        problem = {"code": code, **values}
        self.transact(lambda c: end(c, self.tenant, self.job, State.FAILED, now=now, problem=problem))

    @contextmanager
    def table(self) -> Iterator[tuple[File, Table]]:
        """The file that is imported.

        Raises:
            UnreadableError
        """
        now = self.runtime.clock.now()
        assert self.job.file_id is not None
        file_id = self.job.file_id
        try:
            file = self.transact(lambda c: load_file(c, self.tenant, file_id, now=now))
            raw = PieceReader(lambda n: self.transact(lambda c: load_piece(c, self.tenant, file_id, n)), file.size)
            assert file.format is not None
            with io.BufferedReader(raw, BUFFER) as stream:
                yield file, read_table(stream, file.format)
        except NoFileError:
            raise UnreadableError("file_gone") from None


def claim_work(runtime: Runtime) -> Work | None:
    """The next job that is due, leased; None: there is none."""
    now, lease_s = runtime.clock.now(), runtime.settings.files_lease_s
    with runtime.engine.begin() as connection:
        row = claim(connection, now=now, lease_s=lease_s)
        if row is None:
            return None
        tenant = load_tenant(connection, runtime.vault, TenantId(row["tenant_id"]))
        assert tenant is not None
        return Work(runtime, tenant, read_job(tenant, row))
