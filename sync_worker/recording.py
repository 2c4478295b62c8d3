"""Records what was seen of one corp's subjects: plan and write in one transaction, and settle.

Whoever commits shows the newest fence; a run whose lease went to somebody else writes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import Histogram
from sqlalchemy import Connection

from shared.db.engine import is_away, transact
from shared.requests import Leased, Subject, Wait, hold, look_again, settle
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.failures import Failed, reconciled, record_failures
from sync_worker.reconcilers import LookAgain, Recording, Seen
from sync_worker.reconcilers.shells import SHELLS

log = structlog.get_logger()
waited = Histogram(
    "guanxi_reconcile_wait_seconds",
    "From the first wish to look at a subject until it was recorded",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)

Doubts = list[tuple[Seen, Any]]
"""Subjects that need a second look before anything is recorded, each with what its shell wants to know."""


@dataclass(frozen=True)
class _Committed:
    """What one transaction did: with whose lease, which subjects are settled, which need a second look."""

    mine: Sequence[Seen]
    done: Sequence[Leased]
    unconfirmed: Doubts
    notices: int


@dataclass
class _Told:
    """What the shells said of one batch."""

    look_again: dict[Subject, LookAgain] = field(default_factory=dict)
    unconfirmed: dict[Subject, Any] = field(default_factory=dict)
    notices: int = 0


def record_batch(
    runtime: Runtime, tenant: Tenant, looked: Sequence[Seen | Failed], *, notify: Callable[[], None]
) -> Doubts:
    """Record what was seen and what failed; returns those that need a second look first.

    Raises:
        DBAPIError: the database is away; what was not recorded is still leased.
    """
    failed = [one for one in looked if isinstance(one, Failed)]
    unconfirmed = _record(runtime, tenant, [one for one in looked if isinstance(one, Seen)], failed, notify=notify)
    record_failures(runtime, failed)
    return unconfirmed


def _record(
    runtime: Runtime, tenant: Tenant, seen: Sequence[Seen], failed: list[Failed], *, notify: Callable[[], None]
) -> Doubts:
    if not seen:
        return []
    now = runtime.clock.now()
    try:
        committed = transact(runtime.engine, lambda connection: _write(connection, runtime, tenant, seen, now=now))
    except Exception as error:
        if is_away(error):
            raise
        if len(seen) == 1:
            failed.append(Failed(seen[0].leased, error))
            return []
        # One bad subject must not hold up the others.
        return [doubt for one in seen for doubt in _record(runtime, tenant, [one], failed, notify=notify)]
    _count(committed, lost=len(seen) - len(committed.mine), now=now)
    if committed.notices:
        notify()
    return committed.unconfirmed


def _write(
    connection: Connection, runtime: Runtime, tenant: Tenant, seen: Sequence[Seen], *, now: datetime
) -> _Committed:
    held = {one.subject for one in hold(connection, [s.leased for s in seen])}
    mine = [one for one in seen if one.leased.subject in held]
    told = _Told()
    for kind, shell in SHELLS.items():
        of_kind = [one for one in mine if one.leased.subject.kind == kind]
        if of_kind:
            recorded = shell.record(connection, Recording(runtime.settings, tenant, now), of_kind)
            told.look_again.update(recorded.look_again)
            told.unconfirmed.update(recorded.unconfirmed)
            told.notices += recorded.notices
    unconfirmed = [(one, what) for one in mine if (what := told.unconfirmed.get(one.leased.subject)) is not None]
    again = {subject: when for subject, when in told.look_again.items() if subject not in told.unconfirmed}
    waits = [Wait(s.leased, when.at, when.reason) for s in mine if (when := again.get(s.leased.subject)) is not None]
    look_again(connection, waits)
    open_ = told.unconfirmed.keys() | again.keys()
    done = [one.leased for one in mine if one.leased.subject not in open_]
    settle(connection, done, now=now)
    return _Committed(mine, done, unconfirmed, told.notices)


def _count(committed: _Committed, *, lost: int, now: datetime) -> None:
    for leased in committed.done:
        reconciled.labels(leased.subject.kind, "recorded").inc()
        waited.observe(max(0.0, (now - leased.first_due_at).total_seconds()))
    if lost:
        reconciled.labels("any", "lease_lost").inc(lost)
    log.info("reconcile.settled", subjects=len(committed.done), lease_lost=lost)
