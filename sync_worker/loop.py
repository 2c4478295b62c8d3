"""The thread of a worker process that answers events: it routes the inbox and has due subjects reconciled.

It waits for no read. When one batch is recorded, or a thread has nothing to do, it looks whether more is due.
"""

import threading

import structlog

from services.transfers.store import want_due
from shared.db.engine import is_away
from shared.directory import Directory
from shared.runtime import Runtime
from sync_worker.reconcile import TICK_S, Reconciler
from sync_worker.routing import route_inbox

ROUTE_BATCH = 500

log = structlog.get_logger()


class Loop:
    """`progressed` of the reconciler is to be `look_for_requests`."""

    def __init__(self, runtime: Runtime, directory: Directory) -> None:
        self._runtime, self._directory = runtime, directory
        self._awake = threading.Event()
        self._answered = threading.Condition()
        self._asked, self._last_answer = 0, 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._thread.start()

    def look(self) -> None:
        """Something may be due; returns at once."""
        with self._answered:
            self._asked += 1
        self._awake.set()

    def look_for_requests(self) -> None:
        """As `look`, when it can only be a request."""
        self._awake.set()

    def wait(self, within_s: float) -> bool:
        """Wait until a look that starts now has left nothing that another process should take; False: it took longer.

        Reads may still be under way then.
        """
        with self._answered:
            mine = self._asked
            return self._answered.wait_for(lambda: self._last_answer >= mine, within_s)

    def stop(self, *, within_s: float) -> None:
        """Take nothing more, and let what is under way end."""
        self._stopping = True
        self._awake.set()
        self._thread.join(within_s)
        self._reconciler.stop(within_s=within_s)

    def _run(self) -> None:
        while not self._stopping:
            self._awake.wait(TICK_S if self._reconciler.waits() else None)
            self._awake.clear()
            with self._answered:
                asked = self._asked
            if self._take_all(routing=asked > self._last_answer):
                with self._answered:
                    self._last_answer = asked
                    self._answered.notify_all()

    def _take_all(self, *, routing: bool) -> bool:
        """Take what is due; whether there was room for all of it. Whatever fails, the next look tries again."""
        try:
            while not self._stopping:
                routed = self._route() if routing else 0
                # So few rows, of at most as many corps, filled nobody's share of the batch: no more of them wait.
                routing = routed * routed >= ROUTE_BATCH
                if not self._reconciler.start_due() and not routing:
                    break
            return self._reconciler.has_room()
        except Exception as error:
            if is_away(error):
                log.warning("work.database_away", reason=type(error).__name__)
            else:
                log.error("work.failed", exc_info=error)
            return True

    def _route(self) -> int:
        routed = route_inbox(self._runtime, self._directory, limit=ROUTE_BATCH)
        with self._runtime.engine.begin() as connection:
            want_due(connection, now=self._runtime.clock.now())
        return routed
