"""Rows of imports and exports: asked for, leased by one process at a time, saved with every block.

A lease has a fence. Every save shows it, and the state that it knows: who was cancelled or overtaken writes nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from services.files.failures import delete_failures
from services.files.model import OPEN, FileRefusedError, Job, Kind, NoFileError, State
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.tenants import Tenant

ASKED, FOUND, PROBLEM = "file_job.asked", "file_job.found", "file_job.problem"
"""Encryption contexts."""
MOST_TRIES = 5
"""A job that brought down whoever took it so often, without having saved anything, has failed."""
CLAIMS = 0x67756666


class LostJobError(Exception):
    """Somebody cancelled the job, or another process has it now: nothing of this may be written."""


def ask(
    connection: Connection,
    tenant: Tenant,
    kind: Kind,
    asked: Mapping[str, Any],
    *,
    file_id: int,
    by: str,
    now: datetime,
) -> int:
    row = fetch_one(
        connection,
        "insert into file_job (tenant_id, kind, state, file_id, asked, by_whom, created_at, started_at) values "
        "(:tenant_id, :kind, :state, :file_id, :asked, :by, :now, :started) returning id",
        tenant_id=tenant.id,
        kind=kind,
        state=State.CHECKING if kind is Kind.IMPORT else State.RUNNING,
        file_id=file_id,
        asked=tenant.cipher.encrypt(orjson.dumps(asked), ASKED),
        by=by,
        now=now,
        started=None if kind is Kind.IMPORT else now,
    )
    assert row is not None
    return int(row["id"])


def load_job(connection: Connection, tenant: Tenant, job_id: int, *, kind: Kind | None = None) -> Job:
    """
    Raises:
        NoFileError: there is none.
    """
    row = fetch_one(
        connection,
        "select * from file_job where tenant_id = :tenant_id and id = :id "
        "and (cast(:kind as text) is null or kind = :kind)",
        tenant_id=tenant.id,
        id=job_id,
        kind=kind,
    )
    if row is None:
        raise NoFileError("there is no such import or export")
    return read_job(tenant, row)


def list_jobs(connection: Connection, tenant: Tenant, kind: Kind, *, before: int | None, limit: int) -> list[Job]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select * from file_job where tenant_id = :tenant_id and kind = :kind "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant.id,
        kind=kind,
        before=before,
        limit=limit,
    )
    return [read_job(tenant, row) for row in rows]


def read_job(tenant: Tenant, row: Row) -> Job:
    values = {name: row[name] for name in Job.__dataclass_fields__}
    contexts = {"asked": ASKED, "found": FOUND, "problem": PROBLEM}
    for name, context in contexts.items():
        values[name] = orjson.loads(tenant.cipher.decrypt(row[name], context)) if row[name] else None
    return Job(**{**values, "kind": Kind(row["kind"]), "state": State(row["state"])})


def restart(
    connection: Connection,
    tenant: Tenant,
    job_id: int,
    to: State,
    *,
    now: datetime,
    asked: Mapping[str, Any] | None = None,
) -> Job:
    """A checked import is checked again, as `asked` now, or runs; the job as it was.

    Raises:
        NoFileError, FileRefusedError: it is not in such a state.
    """
    before = _lock(connection, tenant, job_id, Kind.IMPORT)
    if before.state is not State.CHECKED and not (before.state is to is State.CHECKING):
        raise FileRefusedError(f"the import is {before.state}, not checked")
    if to is State.RUNNING and (before.problem or not before.total):
        raise FileRefusedError("the check has found nothing that could be imported")
    run(
        connection,
        "update file_job set state = :state, asked = coalesce(:asked, asked), problem = null, done = 0, reached = 0, "
        "counts = '{}', started_at = case when :state = 'running' then cast(:now as timestamptz) end, "
        "saved_at = null, tries = 0, lease_until = null, fence = fence + 1 where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=job_id,
        state=to,
        asked=tenant.cipher.encrypt(orjson.dumps(asked), ASKED) if asked is not None else None,
        now=now,
    )
    return before


def cancel(connection: Connection, tenant: Tenant, job_id: int, kind: Kind, *, now: datetime) -> Job:
    """Whoever works on it saves nothing more; blocks of an import that are written stay.

    Raises:
        NoFileError, FileRefusedError: it is over already.
    """
    before = _lock(connection, tenant, job_id, kind)
    if before.state not in OPEN:
        raise FileRefusedError(f"the {kind} is {before.state} already")
    values = {"tenant_id": tenant.id, "id": job_id}
    run(
        connection,
        "update file_job set state = 'cancelled', finished_at = :now, lease_until = null, fence = fence + 1 "
        "where tenant_id = :tenant_id and id = :id",
        now=now,
        **values,
    )
    delete_failures(connection, tenant.id, job_id)
    run(connection, "delete from export_page where tenant_id = :tenant_id and job_id = :id", **values)
    return before


def _lock(connection: Connection, tenant: Tenant, job_id: int, kind: Kind) -> Job:
    row = fetch_one(
        connection,
        "select * from file_job where tenant_id = :tenant_id and id = :id and kind = :kind for update",
        tenant_id=tenant.id,
        id=job_id,
        kind=kind,
    )
    if row is None:
        raise NoFileError(f"there is no such {kind}")
    return read_job(tenant, row)


def has_due(connection: Connection, *, now: datetime) -> bool:
    row = fetch_one(
        connection,
        "select 1 from file_job where state in ('checking', 'running') "
        "and (lease_until is null or lease_until < :now) limit 1",
        now=now,
    )
    return row is not None


def claim(connection: Connection, *, now: datetime, lease_s: float) -> Row | None:
    """Lease the next job: of the corp with the fewest under way, the oldest. `read_job` opens the row."""
    fetch_all(connection, "select pg_advisory_xact_lock(:claims)", claims=CLAIMS)
    return fetch_one(
        connection,
        "with busy as (select tenant_id, count(*) as n from file_job where state in ('checking', 'running') "
        "and lease_until >= :now group by 1), due as (select j.tenant_id, j.id from file_job j "
        "left join busy on busy.tenant_id = j.tenant_id where j.state in ('checking', 'running') "
        "and (j.lease_until is null or j.lease_until < :now) order by coalesce(busy.n, 0), j.created_at, j.id limit 1 "
        "for update of j skip locked) update file_job j set lease_until = :until, fence = j.fence + 1, "
        "tries = j.tries + 1 from due where j.tenant_id = due.tenant_id and j.id = due.id returning j.*",
        now=now,
        until=now + timedelta(seconds=lease_s),
    )


def save(
    connection: Connection,
    tenant: Tenant,
    job: Job,
    *,
    now: datetime,
    lease_s: float,
    done: int,
    counts: Mapping[str, int],
    total: int | None = None,
    failures_id: int | None = None,
) -> None:
    """How far it is, in the transaction of what was done. The lease goes on.

    Raises:
        LostJobError: the caller rolls back.
    """
    _update(
        connection,
        tenant,
        job,
        "tries = case when :done > reached then 0 else tries end, reached = greatest(reached, :done), done = :done, "
        "counts = cast(:counts as jsonb), total = coalesce(:total, total), saved_at = :now, "
        "failures_id = coalesce(:failures_id, failures_id), lease_until = :until",
        now=now,
        until=now + timedelta(seconds=lease_s),
        done=done,
        counts=as_json(counts),
        total=total,
        failures_id=failures_id,
    )


def end(
    connection: Connection,
    tenant: Tenant,
    job: Job,
    state: State,
    *,
    now: datetime,
    found: Mapping[str, Any] | None = None,
    problem: Mapping[str, Any] | None = None,
    total: int | None = None,
) -> None:
    """The check or the job is over; nobody holds it any more.

    Raises:
        LostJobError: the caller rolls back.
    """
    cipher = tenant.cipher
    _update(
        connection,
        tenant,
        job,
        "state = :to, lease_until = null, tries = 0, saved_at = :now, total = coalesce(:total, total), "
        "found = coalesce(:found, found), problem = :problem, "
        "finished_at = case when :to in ('done', 'failed') then cast(:now as timestamptz) end",
        to=state,
        now=now,
        total=total,
        found=cipher.encrypt(orjson.dumps(found), FOUND) if found is not None else None,
        problem=cipher.encrypt(orjson.dumps(problem), PROBLEM) if problem is not None else None,
    )


def keep(connection: Connection, tenant: Tenant, job: Job, *, now: datetime, lease_s: float) -> None:
    """Prolong the lease while nothing can be saved yet.

    Raises:
        LostJobError
    """
    _update(connection, tenant, job, "lease_until = :until", until=now + timedelta(seconds=lease_s))


def _update(connection: Connection, tenant: Tenant, job: Job, what: str, **values: object) -> None:
    touched = run(
        connection,
        f"update file_job set {what} where tenant_id = :tenant_id and id = :id and fence = :fence "  # noqa: S608 - constants
        "and state = :state",
        tenant_id=tenant.id,
        id=job.id,
        fence=job.fence,
        state=job.state,
        **values,
    )
    if not touched:
        raise LostJobError
