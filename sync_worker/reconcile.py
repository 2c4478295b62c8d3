"""Reconciles due subjects: lease → observe → plan and record (one commit per batch) → settle.

A batch is of one corp. Many are under way side by side, each is recorded as soon as its own reads are done, and `turns`
says whose read starts next: a corp with many subjects, or one whose reads hang, delays no other.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import structlog
from prometheus_client import Gauge

from shared.claims import due_tenants, lease
from shared.clock import monotonic
from shared.directory import Directory
from shared.errors import TerminalError
from shared.requests import BACKFILL, EVENTS, OPERATOR, Leased, give_back
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from sync_worker.failures import Failed, TooLateError
from sync_worker.reconcilers import Looking, Seen, Shell
from sync_worker.reconcilers.shells import SHELLS
from sync_worker.recording import record_batch
from sync_worker.turns import TAKES_S, Read, Turns

LATEST_START = 1 / 12
"""Part of the lease after which no read starts any more: what is recorded late is recorded for nothing."""
TICK_S = 0.05
"""How often waiting looks whether a read has come to hang, so that another one may start."""
SECOND_LOOK = -1
"""Rank of reads that end a batch: before those of a new one, whatever their lanes."""

PRIORITIES = {OPERATOR: Priority.OPERATOR, EVENTS: Priority.EVENTS, BACKFILL: Priority.BACKFILL}
"""Lane of a request -> priority of its reads."""

log = structlog.get_logger()
hanging = Gauge("guanxi_reads_hanging", "Reads of WeCom that have been under way for more than a second")


@dataclass(eq=False)
class _Batch:
    """Subjects of one corp that are recorded together; `open` of their reads are to come, `read` were made."""

    tenant: Tenant
    leased: Sequence[Leased]
    open: int
    started_at: float | None = None
    looked: list[Seen | Failed] = field(default_factory=list)
    read: int = 0


@dataclass(frozen=True, eq=False)
class _Look:
    batch: _Batch
    leased: Leased
    look: Callable[[], Seen]


class Reconciler:
    """`pool` runs at most `turns.most_threads` reads; `progressed` is told when more may be leased."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        directory: Directory,
        clients: Clients,
        pool: Executor,
        notify: Callable[[], None],
        progressed: Callable[[], None] = lambda: None,
    ) -> None:
        settings = runtime.settings
        self._runtime, self._directory, self.clients = runtime, directory, clients
        self._pool, self._notify, self._progressed = pool, notify, progressed
        self._turns: Turns[_Look] = Turns(
            threads=settings.worker_threads, batch=settings.worker_batch, patience_s=settings.lease_s * LATEST_START
        )
        self._changed = threading.Condition()
        self._batches: set[_Batch] = set()
        self._abandoned: list[Leased] = []
        self._errors: list[Exception] = []

    def reconcile_due(self, *, limit: int) -> int:
        """Reconcile due subjects, each corp in its turn, and wait until all are recorded; how many there were."""
        count = self.start_due(limit=limit)
        while not self.wait(TICK_S):
            self.look_after()
        self._raise_what_failed()
        return count

    def start_due(self, *, limit: int | None = None) -> int:
        """Lease due subjects, as far as there is room, and have them read and recorded; how many there were.

        Raises:
            DBAPIError: the database is away, or was when a batch was to be recorded.
        """
        self._raise_what_failed()
        self.look_after()
        if not self.has_room():
            return 0
        now, abandoned = self._runtime.clock.now(), list(self._abandoned)
        with self._runtime.engine.begin() as connection:
            give_back(connection, abandoned)
            tenants = self._directory.usable(connection, due_tenants(connection, now=now))
            with self._changed:
                most = self._runtime.settings.worker_batch if limit is None else limit
                shares = self._turns.shares(tenants, limit=most, now=monotonic())
            leased = lease(connection, shares, now=now, lease_s=self._runtime.settings.lease_s) if shares else {}
        with self._changed:
            del self._abandoned[: len(abandoned)]
        for tenant_id, subjects in leased.items():
            self._begin(tenants[tenant_id], subjects)
        self._start_reads()
        return sum(map(len, leased.values()))

    def look_after(self) -> None:
        """Start what may start by now, and give back what nobody came to read."""
        with self._changed:
            late = self._turns.late(monotonic())
            hanging.set(self._turns.hanging(monotonic()))
        self._refuse([read.job for read in late])
        self._start_reads()

    def has_room(self) -> bool:
        """Whether this process can take more."""
        with self._changed:
            return self._turns.room(monotonic()) > 0

    def waits(self) -> bool:
        """Whether a read waits that is to be looked after."""
        with self._changed:
            return self._turns.waits()

    def wait(self, within_s: float) -> bool:
        """Wait until nothing is under way; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._batches, within_s)

    def stop(self, *, within_s: float) -> None:
        """Start nothing more and wait for what is under way; what takes longer is given back."""
        with self._changed:
            waiting = self._turns.late(float("inf"))
        self._refuse([read.job for read in waiting])
        if not self.wait(within_s):
            with self._changed:
                left = [leased for batch in self._batches for leased in batch.leased]
            with self._runtime.engine.begin() as connection:
                give_back(connection, left)

    def _begin(self, tenant: Tenant, leased: Sequence[Leased]) -> None:
        batch = _Batch(tenant, leased, len(leased))
        looks = [(one.lane, _Look(batch, one, partial(self._observe, tenant, one))) for one in leased]
        with self._changed:
            self._batches.add(batch)
            self._turns.add_batch(tenant.id, looks, now=monotonic())

    def _start_reads(self) -> None:
        while (read := self._next_read()) is not None:
            self._pool.submit(self._read, read)

    def _next_read(self) -> Read[_Look] | None:
        with self._changed:
            read = self._turns.start(monotonic())
            if read is not None and read.job.batch.started_at is None:
                read.job.batch.started_at = read.started_at
        return read

    def _read(self, first: Read[_Look]) -> None:
        """What a thread of the pool does: it reads as long as there is something that it may."""
        read: Read[_Look] | None = first
        while read is not None:
            read.job.batch.read += 1
            try:
                self._ended(read.job.batch, _looked(read.job))
            finally:
                with self._changed:
                    self._turns.end(read)
            read = self._next_read()
        self._progressed()  # this thread has nothing to do, whatever others still read or record

    def _refuse(self, looks: Sequence[_Look]) -> None:
        for one in looks:
            self._ended(one.batch, Failed(one.leased, TooLateError()))

    def _ended(self, batch: _Batch, looked: Seen | Failed) -> None:
        """One more read of the batch is done. Whoever ends the last one records them all."""
        with self._changed:
            batch.looked.append(looked)
            batch.open -= 1
            if batch.open:
                return
        try:
            doubts = record_batch(self._runtime, batch.tenant, batch.looked, notify=self._notify)
        except Exception as error:  # nobody is to wait for these leases to end
            with self._changed:
                self._abandoned += batch.leased
                self._errors.append(error)
            doubts = []
        if not doubts:
            self._finish(batch)
            return
        looks = [
            (SECOND_LOOK, _Look(batch, seen.leased, partial(self._confirm, batch.tenant, seen, what)))
            for seen, what in doubts
        ]
        with self._changed:
            batch.looked, batch.open = [], len(looks)
            self._turns.add(batch.tenant.id, looks, now=monotonic())

    def _finish(self, batch: _Batch) -> None:
        tenant_id = batch.tenant.id
        with self._changed:
            took_s = 0.0 if batch.started_at is None else monotonic() - batch.started_at
            before = self._turns.pace(tenant_id)
            self._turns.end_batch(tenant_id, size=len(batch.leased), read=batch.read, took_s=took_s)
            pace = self._turns.pace(tenant_id)
            self._batches.remove(batch)
            self._changed.notify_all()
        if pace < before and took_s > TAKES_S:
            log.info("reconcile.slower", tenant_id=tenant_id, took_s=round(took_s, 1), subjects=batch.read, pace=pace)
        self._progressed()

    def _raise_what_failed(self) -> None:
        with self._changed:
            errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    def _observe(self, tenant: Tenant, leased: Leased) -> Seen:
        return Seen(leased, _shell(leased).observe(self._looking(tenant, leased), leased))

    def _confirm(self, tenant: Tenant, seen: Seen, doubt: object) -> Seen:
        """Look a second time at what a first look did not show."""
        shell = _shell(seen.leased)
        assert shell.confirm is not None
        return Seen(seen.leased, shell.confirm(self._looking(tenant, seen.leased), seen, doubt))

    def _looking(self, tenant: Tenant, leased: Leased) -> Looking:
        """Reads take from the shared budgets at the priority of the request's lane."""
        return Looking(self.clients, tenant, PRIORITIES[leased.lane], self._runtime.clock.now(), self._runtime)


def _looked(look: _Look) -> Seen | Failed:
    try:
        return look.look()
    except Exception as error:  # told apart by `Failed.outcome`
        return Failed(look.leased, error)


def _shell(leased: Leased) -> Shell:
    shell = SHELLS.get(leased.subject.kind)
    if shell is None:
        raise TerminalError(f"nobody reconciles subjects of kind {leased.subject.kind!r}")
    return shell
