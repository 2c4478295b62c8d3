"""Reconciles due subjects: lease → observe (in parallel) → plan and record (one commit per tenant) → settle.

Whoever commits shows the newest fence; a run whose lease went to somebody else writes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import cast

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.associates.model import ASSOCIATE, OUTLET, Associate, Outlet
from services.associates.store import record_outlet
from services.customers.model import CONTACT
from services.planning import Cause
from shared.clock import monotonic
from shared.db.engine import describe, is_away, transact
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.ids import ExternalUserId, TenantId, UserId
from shared.requests import BACKFILL, EVENTS, OPERATOR, Leased, bury, give_back, hold, lease, look_again, retry, settle
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import Clients
from shared.wecom.errors import PostponedError
from sync_worker.reconcilers import contacts, members

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

Observation = contacts.Sighting | Associate | Outlet | None


class _TooLateError(Exception):
    """The lease is too old to start a read under it."""


@dataclass(frozen=True)
class _Seen:
    """One leased subject with what WeCom showed of it, or why it did not."""

    leased: Leased
    observation: Observation = None
    error: Exception | None = None


@dataclass(frozen=True)
class _Committed:
    """What one transaction did: with whose lease, which subjects are settled, which need a second look."""

    mine: Sequence[_Seen]
    done: Sequence[Leased]
    unconfirmed: list[tuple[_Seen, frozenset[UserId]]]
    notices: int


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
        seen = list(
            self._pool.map(lambda one: self._observe(tenants[one.subject.tenant_id], one, started=started), leased)
        )
        for tenant_id, group in groupby(sorted(seen, key=_tenant_of), key=_tenant_of):
            self._record(tenants[tenant_id], list(group))
        self._abandoned = []
        return len(leased)

    def _observe(self, tenant: Tenant, leased: Leased, *, started: float) -> _Seen:
        try:
            if monotonic() - started > self._runtime.settings.lease_s * LATEST_START:
                raise _TooLateError
            return _Seen(leased, observe(self._client(tenant, leased), leased, now=self._runtime.clock.now()))
        except Exception as error:  # told apart in `_fail`
            return _Seen(leased, error=error)

    def _client(self, tenant: Tenant, leased: Leased) -> WeComClient:
        """Reads take from the shared budgets at the priority of the request's lane."""
        return self.clients.of(tenant).at(PRIORITIES[leased.lane])

    def _record(self, tenant: Tenant, seen: Sequence[_Seen]) -> None:
        for one in seen:
            if one.error is not None:
                self._fail(one.leased, one.error)
        good = [one for one in seen if one.error is None]
        if not good:
            return
        try:
            unconfirmed = self._commit(tenant, good)
        except Exception as error:
            if is_away(error):
                raise
            if len(good) == 1:
                self._fail(good[0].leased, error)
                return
            for one in good:  # one bad subject must not hold up the others
                self._record(tenant, [one])
            return
        self._confirm(tenant, unconfirmed)

    def _commit(self, tenant: Tenant, seen: Sequence[_Seen]) -> list[tuple[_Seen, frozenset[UserId]]]:
        """Record in one transaction; returns those that need a second look first."""
        now = self._runtime.clock.now()
        committed = transact(self._runtime.engine, lambda connection: self._write(connection, tenant, seen, now=now))
        self._count(committed, lost=len(seen) - len(committed.mine), now=now)
        if committed.notices:
            self._notify()
        return committed.unconfirmed

    def _write(self, connection: Connection, tenant: Tenant, seen: Sequence[_Seen], *, now: datetime) -> "_Committed":
        held = {one.subject for one in hold(connection, [s.leased for s in seen])}
        mine = [one for one in seen if one.leased.subject in held]
        self._record_directory(connection, tenant, mine, now=now)
        sightings = {
            one.leased.subject: one.observation for one in mine if isinstance(one.observation, contacts.Sighting)
        }
        recording = contacts.record(connection, self._runtime.settings, tenant, list(sightings.values()), now=now)
        unconfirmed, done = [], []
        for one in mine:
            sighting = sightings.get(one.leased.subject)
            result = recording.results[sighting.key] if sighting else contacts.Result()
            if result.unconfirmed:
                unconfirmed.append((one, result.unconfirmed))
            elif result.look_again_at is not None:
                look_again(connection, one.leased, at=result.look_again_at, reason="WeCom's read may be behind")
            else:
                done.append(one.leased)
        settle(connection, done)
        return _Committed(mine, done, unconfirmed, recording.notices)

    def _record_directory(
        self, connection: Connection, tenant: Tenant, seen: Iterable[_Seen], *, now: datetime
    ) -> None:
        for one in seen:
            subject = one.leased.subject
            if subject.kind == ASSOCIATE:
                associate = cast(Associate | None, one.observation)
                members.record_associate(connection, tenant, UserId(subject.key), associate, now=now)
            elif isinstance(one.observation, Outlet):
                record_outlet(connection, tenant.id, one.observation, now=now)

    def _count(self, committed: "_Committed", *, lost: int, now: datetime) -> None:
        for leased in committed.done:
            reconciled.labels(leased.subject.kind, "recorded").inc()
            waited.observe(max(0.0, (now - leased.first_due_at).total_seconds()))
        if lost:
            reconciled.labels("any", "lease_lost").inc(lost)
        log.info("reconcile.settled", subjects=len(committed.done), lease_lost=lost)

    def _confirm(self, tenant: Tenant, unconfirmed: Sequence[tuple[_Seen, frozenset[UserId]]]) -> None:
        """Look a second time at relations that a complete read did not show, then record."""
        again = []
        for one, userids in unconfirmed:
            sighting = cast(contacts.Sighting, one.observation)
            try:
                absences = contacts.confirm(self._client(tenant, one.leased), sighting.key, userids)
            except Exception as error:  # told apart in `_fail`
                self._fail(one.leased, error)
            else:
                again.append(replace(one, observation=replace(sighting, absences=absences)))
        if again:
            self._record(tenant, again)

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


def _tenant_of(seen: _Seen) -> TenantId:
    return seen.leased.subject.tenant_id


def observe(client: WeComClient, leased: Leased, *, now: datetime) -> Observation:
    key = leased.subject.key
    match leased.subject.kind:
        case kind if kind == CONTACT:
            observed = contacts.observe(client, ExternalUserId(key), now=now)
            return contacts.Sighting(observed, cast(Cause, leased.cause), leased.caused_by)
        case kind if kind == ASSOCIATE:
            return members.observe_associate(client, UserId(key))
        case kind if kind == OUTLET:
            return members.observe_outlet(client, int(key))
        case kind:
            raise TerminalError(f"nobody reconciles subjects of kind {kind!r}")
