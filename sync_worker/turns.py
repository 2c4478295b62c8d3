"""Whose turn it is in one worker process: how many subjects each corp may lease, and whose read starts next. No I/O.

A corp alone has all threads. Among others, each gets as many as the others take, and one whose reads hang gets two,
which nobody misses: a read that takes long does not count among those that fill the threads. Times are of `monotonic`.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.ids import TenantId

Job = TypeVar("Job")

LONG_S = 1.0
"""A read that takes longer hangs, as far as anybody can tell."""
TAKES_S = 2.0
"""How long a batch may take; a corp whose batches take longer gets smaller ones."""
FEW = 2
"""Reads at once, and the smallest batch, of a corp whose reads hang."""
SPARE_THREADS = 2
"""For a corp that comes while another one fills all threads that it may."""
QUANTUM = 8
"""Subjects of one corp at a time when many corps are due: a commit for each single subject would cost too much."""


def most_threads(threads: int) -> int:
    """How many reads may be under way in all, those that hang included."""
    return 4 * threads


@dataclass(eq=False)
class Read(Generic[Job]):
    """One read that waits or is under way; a lower rank goes first within its corp."""

    tenant_id: TenantId
    rank: int
    job: Job
    added_at: float
    started_at: float = 0.0


@dataclass(eq=False)
class _Corp(Generic[Job]):
    """`pace`: the size of its next batch. `leased`, `started`: the numbers of its latest turns of either kind."""

    pace: int
    leased: int = -1
    started: int = -1
    under_way: int = 0
    waiting: list[tuple[int, int, Read[Job]]] = field(default_factory=list)
    running: list[Read[Job]] = field(default_factory=list)

    def long(self, now: float) -> int:
        """How many of its reads hang."""
        return sum(now - read.started_at > LONG_S for read in self.running)

    def hangs(self, now: float) -> bool:
        """A slow read among quick ones is no reason to slow down the others."""
        long = self.long(now)
        return self.pace <= FEW or (long >= FEW and 2 * long >= len(self.running))


class Turns(Generic[Job]):
    """`threads`: reads at once; `batch`: the largest; `patience_s`: how long a read waits for a thread."""

    def __init__(self, *, threads: int, batch: int, patience_s: float) -> None:
        self._threads, self._batch, self._patience_s = threads, batch, patience_s
        self._corps: dict[TenantId, _Corp[Job]] = {}
        self._active: dict[TenantId, _Corp[Job]] = {}
        self._number = 0

    def room(self, now: float) -> int:
        """How many more subjects may be leased: only reads that wait for nothing but a thread take of it."""
        ready = (min(len(c.waiting), max(0, self._allowed(c, now) - len(c.running))) for c in self._active.values())
        return max(0, self._batch - sum(ready))

    def shares(self, due: Iterable[TenantId], *, limit: int, now: float) -> dict[TenantId, int]:
        """How many subjects to lease of which corp; who was served longest ago comes first."""
        room = min(limit, self.room(now))
        most = {tenant_id: self._may_lease(self._corp(tenant_id), now) for tenant_id in due}
        able = sorted((one for one in most if most[one]), key=lambda one: self._corp(one).leased)
        each = max(QUANTUM, room // max(1, len(able)))
        shares = {}
        for tenant_id in able:
            count = min(each, most[tenant_id], room)
            if count > 0:
                shares[tenant_id] = count
            room -= count
        return shares

    def add_batch(self, tenant_id: TenantId, jobs: Sequence[tuple[int, Job]], *, now: float) -> None:
        """The reads of a batch that was leased, each with its rank."""
        corp = self._corp(tenant_id)
        corp.leased, corp.under_way = self._next_number(), corp.under_way + len(jobs)
        self.add(tenant_id, jobs, now=now)

    def add(self, tenant_id: TenantId, jobs: Sequence[tuple[int, Job]], *, now: float) -> None:
        """More reads of a batch."""
        corp = self._active[tenant_id] = self._corp(tenant_id)
        for rank, job in jobs:
            heapq.heappush(corp.waiting, (rank, self._next_number(), Read(tenant_id, rank, job, now)))

    def start(self, now: float) -> Read[Job] | None:
        """The read to start now: of the corp with the fewest under way, and among those, of the one served longest ago.

        None: nothing waits that has a thread.
        """
        running = [read for corp in self._active.values() for read in corp.running]
        filling = len(running) - self.hanging(now)
        if filling >= self._threads + SPARE_THREADS or len(running) >= most_threads(self._threads):
            return None
        able = [c for c in self._active.values() if c.waiting and len(c.running) < self._allowed(c, now)]
        if not able:
            return None
        corp = min(able, key=lambda c: (len(c.running), c.started))
        _, _, read = heapq.heappop(corp.waiting)
        read.started_at, corp.started = now, self._next_number()
        corp.running.append(read)
        return read

    def end(self, read: Read[Job]) -> None:
        corp = self._corp(read.tenant_id)
        corp.running.remove(read)
        self._forget_idle(read.tenant_id, corp)

    def late(self, now: float) -> list[Read[Job]]:
        """Take out the reads that have waited too long: by now something more urgent of their corp may be due."""
        found = []
        for corp in self._active.values():
            found += [read for *_, read in corp.waiting if now - read.added_at > self._patience_s]
            corp.waiting = [item for item in corp.waiting if now - item[2].added_at <= self._patience_s]
            heapq.heapify(corp.waiting)
        return found

    def end_batch(self, tenant_id: TenantId, *, size: int, read: int, took_s: float) -> None:
        """A batch of `size` is recorded, `read` of which were read in `took_s`: the next is as large as fits."""
        corp = self._corp(tenant_id)
        corp.under_way -= size
        if took_s > TAKES_S:
            corp.pace = max(FEW, min(corp.pace, int(read * TAKES_S / took_s)))
        else:
            corp.pace = min(self._batch, corp.pace * 2)
        self._forget_idle(tenant_id, corp)

    def pace(self, tenant_id: TenantId) -> int:
        """How many subjects of the corp are leased at once."""
        return self._corp(tenant_id).pace

    def waits(self) -> bool:
        """Whether a read waits, for a thread or for another one of its corp to end."""
        return any(corp.waiting for corp in self._active.values())

    def hanging(self, now: float) -> int:
        """How many reads hang."""
        return sum(corp.long(now) for corp in self._active.values())

    def _allowed(self, corp: _Corp[Job], now: float) -> int:
        alone = len(self._active) == 1
        return FEW if corp.hangs(now) and not alone else self._threads

    def _may_lease(self, corp: _Corp[Job], now: float) -> int:
        """A corp's next batch is taken when all reads of the one before have started: some are recorded, some read."""
        if corp.waiting or corp.under_way > corp.pace:
            return 0
        if not corp.hangs(now):
            return corp.pace
        return max(0, min(corp.pace, self._allowed(corp, now) - len(corp.running)))

    def _corp(self, tenant_id: TenantId) -> _Corp[Job]:
        return self._corps.setdefault(tenant_id, _Corp(max(FEW, self._batch)))

    def _forget_idle(self, tenant_id: TenantId, corp: _Corp[Job]) -> None:
        if not (corp.running or corp.waiting or corp.under_way):
            self._active.pop(tenant_id, None)

    def _next_number(self) -> int:
        self._number += 1
        return self._number
