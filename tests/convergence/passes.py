"""Full passes as the system offers them: one resync of everything, step by step."""

from datetime import datetime, timedelta
from typing import Any

from shared.sync_runs import open_runs
from shared.tenants import load_tenants
from sync_worker.resync.steps import walk_step as _step
from sync_worker.routing import route_inbox
from tests.sync_worker.conftest import Office


def walk_step(office: Office) -> int:
    return _step(office.runtime, office.directory, office.clients)


def open_resync(office: Office) -> None:
    """One resync of all resources of every corp, unless one is open already."""
    with office.runtime.engine.begin() as connection:
        for tenant in load_tenants(connection, office.runtime.vault):
            open_runs(connection, tenant.id, now=office.runtime.clock.now())


def is_open(office: Office) -> bool:
    return bool(office.rows("select 1 from sync_run where state in ('walking', 'settling') limit 1"))


def next_due(office: Office) -> datetime | None:
    """When there is something to do again; None when all is at rest."""
    rows = office.rows(
        "select min(greatest(next_try_at, coalesce(lease_until, next_try_at))) from request "
        "where generation > settled_generation and dead_at is null"
    )
    due = [at for (at,) in rows if at is not None]
    if is_open(office):
        due.append(office.runtime.clock.now() + timedelta(seconds=1 if due else 30))
    return min(due, default=None)


def open_work(office: Office) -> dict[str, Any]:
    return {
        "requests": office.rows(
            "select subject_kind, subject_key, attempts, next_try_at, last_error from request "
            "where generation > settled_generation and dead_at is null"
        ),
        "runs": office.rows(
            "select id, kind, resource, state, phase, attempts, last_error from sync_run "
            "where state in ('walking', 'settling')"
        ),
    }


def route(office: Office) -> int:
    return route_inbox(office.runtime, office.directory, limit=200)
