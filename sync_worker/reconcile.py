"""Reconciles due subjects: lease → observe (in parallel) → plan and record (one commit per tenant) → settle.

Whoever commits shows the newest fence; a run whose lease went to somebody else writes nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.clock import monotonic
from shared.db.engine import describe, is_away, transact
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.ids import TenantId
from shared.requests import (
    BACKFILL,
    EVENTS,
    OPERATOR,
    Leased,
    Subject,
    bury,
    give_back,
    hold,
    lease,
    look_again,
    retry,
    settle,
)
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from shared.wecom.errors import PostponedError
from sync_worker.reconcilers import LookAgain, Looking, Recording, Seen, Shell
from sync_worker.reconcilers.shells import SHELLS

MOST_TRIES_OF_A_BUG = 5
LATEST_START = 1 / 3
"""Part of the lease after which no read starts any more: when WeCom is slow, a whole batch does not fit into it."""

log = structlog.get_logger()
reconciled = Counter("guanxi_reconciled", "Subjects reconciled, by kind and outcome", ["kind", "outcome"])
waited = Histogram(
    "guanxi_reconcile_wait_seconds",
    "From the first wish to look at a subject until it was recorded",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)

PRIORITIES = {OPERATOR: Priority.OPERATOR, EVENTS: Priority.EVENTS, BACKFILL: Priority.BACKFILL}
"""Lane of a request -> priority of its reads."""


class _TooLateError(Exception):
    """The lease is too old to start a read under it."""


@dataclass(frozen=True)
class _Failed:
    """A leased subject that could not be observed."""

    leased: Leased
    error: Exception


@dataclass(frozen=True)
class _Committed:
    """What one transaction did: with whose lease, which subjects are settled, which need a second look."""

    mine: Sequence[Seen]
    done: Sequence[Leased]
    unconfirmed: Sequence[tuple[Seen, Any]]
    notices: int


@dataclass
class _Batch:
    """What the shells said of one batch."""

    look_again: dict[Subject, LookAgain] = field(default_factory=dict)
    unconfirmed: dict[Subject, Any] = field(default_factory=dict)
    notices: int = 0


class Reconciler:
    def __init__(
        self,
        runtime: Runtime,
        *,
        directory: Directory,
        clients: Clients,
        pool: Executor,
        notify: Callable[[], None],
    ) -> None:
        self._runtime, self._directory, self.clients = runtime, directory, clients
        self._pool, self._notify = pool, notify
        self._abandoned: list[Leased] = []

    def reconcile_due(self, *, limit: int) -> int:
        """Reconcile the most urgent due subjects; how many there were."""
        now, started = self._runtime.clock.now(), monotonic()
        with self._runtime.engine.begin() as connection:
            give_back(connection, self._abandoned)
            leased = lease(connection, limit=limit, now=now, lease_s=self._runtime.settings.lease_s)
            tenants = {id_: self._directory.tenant(connection, id_) for id_ in {o.subject.tenant_id for o in leased}}
        # Until all is recorded: should the database go away meanwhile, nobody waits for these leases to end.
        self._abandoned = leased
        if not leased:
            return 0
        looked = list(
            self._pool.map(lambda one: self._observe(tenants[one.subject.tenant_id], one, started=started), leased)
        )
        for tenant_id, group in groupby(sorted(looked, key=_tenant_of), key=_tenant_of):
            self._settle_or_fail(tenants[tenant_id], list(group))
        self._abandoned = []
        return len(leased)

    def _observe(self, tenant: Tenant, leased: Leased, *, started: float) -> Seen | _Failed:
        try:
            if monotonic() - started > self._runtime.settings.lease_s * LATEST_START:
                raise _TooLateError
            return Seen(leased, _shell(leased).observe(self._looking(tenant, leased), leased))
        except Exception as error:  # told apart in `_fail`
            return _Failed(leased, error)

    def _looking(self, tenant: Tenant, leased: Leased) -> Looking:
        """Reads take from the shared budgets at the priority of the request's lane."""
        return Looking(self.clients, tenant, PRIORITIES[leased.lane], self._runtime.clock.now())

    def _settle_or_fail(self, tenant: Tenant, looked: Sequence[Seen | _Failed]) -> None:
        for one in looked:
            if isinstance(one, _Failed):
                self._fail(one.leased, one.error)
        self._record(tenant, [one for one in looked if isinstance(one, Seen)])

    def _record(self, tenant: Tenant, seen: Sequence[Seen]) -> None:
        if not seen:
            return
        try:
            unconfirmed = self._commit(tenant, seen)
        except Exception as error:
            if is_away(error):
                raise
            if len(seen) == 1:
                self._fail(seen[0].leased, error)
                return
            for one in seen:  # one bad subject must not hold up the others
                self._record(tenant, [one])
            return
        if unconfirmed:
            self._settle_or_fail(tenant, list(self._pool.map(lambda one: self._confirm(tenant, *one), unconfirmed)))

    def _commit(self, tenant: Tenant, seen: Sequence[Seen]) -> Sequence[tuple[Seen, Any]]:
        """Record in one transaction; returns those that need a second look first."""
        now = self._runtime.clock.now()
        committed = transact(self._runtime.engine, lambda connection: self._write(connection, tenant, seen, now=now))
        self._count(committed, lost=len(seen) - len(committed.mine), now=now)
        if committed.notices:
            self._notify()
        return committed.unconfirmed

    def _write(self, connection: Connection, tenant: Tenant, seen: Sequence[Seen], *, now: datetime) -> _Committed:
        held = {one.subject for one in hold(connection, [s.leased for s in seen])}
        mine = [one for one in seen if one.leased.subject in held]
        batch = _Batch()
        for kind, shell in SHELLS.items():
            of_kind = [one for one in mine if one.leased.subject.kind == kind]
            if of_kind:
                recorded = shell.record(connection, Recording(self._runtime.settings, tenant, now), of_kind)
                batch.look_again.update(recorded.look_again)
                batch.unconfirmed.update(recorded.unconfirmed)
                batch.notices += recorded.notices
        unconfirmed = [(one, what) for one in mine if (what := batch.unconfirmed.get(one.leased.subject)) is not None]
        open_ = batch.unconfirmed.keys() | batch.look_again.keys()
        done = [one.leased for one in mine if one.leased.subject not in open_]
        for one in mine:
            again = batch.look_again.get(one.leased.subject)
            if again is not None and one.leased.subject not in batch.unconfirmed:
                look_again(connection, one.leased, at=again.at, reason=again.reason)
        settle(connection, done, now=now)
        return _Committed(mine, done, unconfirmed, batch.notices)

    def _count(self, committed: _Committed, *, lost: int, now: datetime) -> None:
        for leased in committed.done:
            reconciled.labels(leased.subject.kind, "recorded").inc()
            waited.observe(max(0.0, (now - leased.first_due_at).total_seconds()))
        if lost:
            reconciled.labels("any", "lease_lost").inc(lost)
        log.info("reconcile.settled", subjects=len(committed.done), lease_lost=lost)

    def _confirm(self, tenant: Tenant, seen: Seen, doubt: Any) -> Seen | _Failed:
        """Look a second time at what a first look did not show."""
        shell = _shell(seen.leased)
        assert shell.confirm is not None
        try:
            return Seen(seen.leased, shell.confirm(self._looking(tenant, seen.leased), seen, doubt))
        except Exception as error:  # told apart in `_fail`
            return _Failed(seen.leased, error)

    def _fail(self, leased: Leased, error: Exception) -> None:
        if is_away(error):
            raise error
        if isinstance(error, _TooLateError):  # nobody's fault: it is simply its turn again
            with self._runtime.engine.begin() as connection:
                give_back(connection, [leased])
            return
        now, subject = self._runtime.clock.now(), leased.subject
        backoff = self._runtime.settings.reconcile_backoff_s
        wait_s = backoff[min(leased.attempts, len(backoff) - 1)]
        with self._runtime.engine.begin() as connection:
            if isinstance(error, PostponedError):
                look_again(connection, leased, at=now + timedelta(seconds=error.after_s or 1.0), reason=str(error))
                outcome = "postponed"
            elif isinstance(error, RetryableError):
                after_s = wait_s if error.after_s is None else max(error.after_s, min(wait_s, 60.0))
                retry(connection, leased, at=now + timedelta(seconds=after_s), reason=str(error))
                outcome = "retry"
            elif isinstance(error, TerminalError) or leased.attempts + 1 >= MOST_TRIES_OF_A_BUG:
                bury(connection, leased, now=now, reason=describe(error))
                outcome = "dead"
            else:
                retry(connection, leased, at=now + timedelta(seconds=wait_s), reason=describe(error))
                outcome = "retry"
        reconciled.labels(subject.kind, outcome).inc()
        expected = isinstance(error, RetryableError | TerminalError)
        log.warning(
            f"reconcile.{outcome}",
            tenant_id=subject.tenant_id,
            kind=subject.kind,
            key=subject.key,
            reason=describe(error),
            exc_info=None if expected or isinstance(error, DBAPIError) else error,
        )


def _tenant_of(looked: Seen | _Failed) -> TenantId:
    return looked.leased.subject.tenant_id


def _shell(leased: Leased) -> Shell:
    shell = SHELLS.get(leased.subject.kind)
    if shell is None:
        raise TerminalError(f"nobody reconciles subjects of kind {leased.subject.kind!r}")
    return shell
