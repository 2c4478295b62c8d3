"""The threads of a worker process that walk full passes, beside the loop that answers events."""

import threading

import structlog

from shared.clock import monotonic
from shared.db.engine import is_away
from shared.directory import Directory
from shared.runtime import Runtime
from shared.wecom.clients import Clients
from sync_worker.resync.steps import walk_step

log = structlog.get_logger()


class Walkers:
    """Threads that take steps until no run has one that is due, then wait for the next look."""

    def __init__(self, runtime: Runtime, *, directory: Directory, clients: Clients) -> None:
        self._runtime, self._directory, self._clients = runtime, directory, clients
        self._looks = threading.Semaphore(0)
        self._lock, self._waiting = threading.Lock(), 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._walk_forever, name=f"walk-{number}", daemon=True)
            for number in range(runtime.settings.resync_threads)
        ]
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """A step may be due; returns at once. One thread looks, and calls the next when there was something."""
        with self._lock:
            wanted = self._waiting > 0
            self._waiting -= wanted
        if wanted:
            self._looks.release()

    def stop(self, *, within_s: float) -> None:
        """Begin no page any more; blocks are given back when their page is saved."""
        self._stopping.set()
        for _ in self._threads:
            self._looks.release()
        deadline = monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    def _walk_forever(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                self._waiting += 1
            self._looks.acquire()
            while not self._stopping.is_set() and self._step():
                self.look()

    def _step(self) -> int:
        try:
            return walk_step(self._runtime, self._directory, self._clients, stopping=self._stopping.is_set)
        except Exception as error:  # whatever it is, the thread must go on
            log.warning("walk.database_away" if is_away(error) else "walk.failed", reason=type(error).__name__,
                        exc_info=None if is_away(error) else error)  # fmt: skip
            return 0
