"""One worker process: its loop routes the inbox, reconciles what is due and walks first syncs a page at a time.

Rows say what is due; a wake-up or a sweep only says "look". Looking twice is harmless: rows are leased or locked.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.clock import monotonic
from shared.db.migrate import make_inbox_partitions
from shared.directory import Directory
from shared.queue import NOTIFY, WORK, Bell
from shared.runtime import Runtime
from shared.wecom.clients import Clients
from sync_worker.reconcile import Reconciler
from sync_worker.resync import walk_step
from sync_worker.routing import route_inbox

ROUTE_BATCH = 500
LONGEST_ROUND_S = 20.0


class Worker:
    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._directory = Directory(runtime.vault)
        self._work_bell = Bell(runtime.redis, WORK)
        self.ring_notifier = Bell(runtime.redis, NOTIFY).ring
        pool = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="observe")
        self._reconciler = Reconciler(
            runtime,
            directory=self._directory,
            clients=Clients(runtime, connections=settings.worker_threads + 2),
            pool=pool,
            notify=self.ring_notifier,
        )
        self._busy = threading.Lock()

    def work(self) -> None:
        """Do all that is due, for twenty seconds at most; then ring again and let the queue breathe."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            started = monotonic()
            while monotonic() - started < LONGEST_ROUND_S:
                if not self._round():
                    return
            self._work_bell.ring()
        finally:
            self._busy.release()

    def housekeep(self) -> None:
        with self._runtime.engine.begin() as connection:
            make_inbox_partitions(connection, today=self._runtime.clock.now().date())

    def _round(self) -> int:
        routed = route_inbox(self._runtime, self._directory, limit=ROUTE_BATCH)
        reconciled = self._reconciler.reconcile_due(limit=self._runtime.settings.worker_batch)
        walked = walk_step(self._runtime, self._directory, self._reconciler.clients)
        return routed + reconciled + walked
