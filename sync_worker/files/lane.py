"""Starts a process for jobs that are due, looks whether it lives, and deletes files whose time is over."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import structlog

from services.files.jobs import has_due
from services.files.store import sweep_files
from shared.clock import monotonic
from shared.db.engine import is_away
from shared.runtime import Runtime
from shared.settings import child_environment

ROOT = Path(__file__).resolve().parents[2]
SWEEP_S = 60.0
PAUSE_S = 5.0
"""Before another process is started after one that failed."""

log = structlog.get_logger()


class Lane:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._looked, self._stopping = threading.Event(), threading.Event()
        self._children: list[subprocess.Popen[bytes]] = []
        self._swept: float | None = None
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._look_forever, name="files", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Something may be due; returns at once."""
        self._looked.set()

    def stop(self, *, within_s: float) -> None:
        """End the processes: what they have saved stays, the rest is done again by others."""
        self._stopping.set()
        self._looked.set()
        self._thread.join(within_s)
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(within_s)

    def _look_forever(self) -> None:
        while not self._stopping.is_set():
            self._looked.wait()
            self._looked.clear()
            try:
                if not self._stopping.is_set():
                    self._reap()
                    self._start()
                    self._sweep()
            except Exception as error:  # whatever it is, the thread must go on
                away = is_away(error)
                log.warning("files.database_away" if away else "files.failed", reason=type(error).__name__,
                            exc_info=None if away else error)  # fmt: skip

    def _reap(self) -> None:
        for child in [one for one in self._children if one.poll() is not None]:
            self._children.remove(child)
            if child.returncode:
                self._not_before = monotonic() + PAUSE_S
                log.warning("files.process_ended", code=child.returncode)

    def _start(self) -> None:
        if len(self._children) >= self._runtime.settings.files_processes or monotonic() < self._not_before:
            return
        with self._runtime.engine.begin() as connection:
            due = has_due(connection, now=self._runtime.clock.now())
        if due:
            environment = child_environment({"PARENT_PID": str(os.getpid())}) | {"PYTHONPATH": str(ROOT)}
            argv = [sys.executable, "-m", "sync_worker.files"]
            self._children.append(subprocess.Popen(argv, env=environment))  # noqa: S603 - ours

    def _sweep(self) -> None:
        now = monotonic()
        if self._swept is None or now - self._swept > SWEEP_S:
            self._swept = now
            while True:
                with self._runtime.engine.begin() as connection:
                    if not sweep_files(connection, now=self._runtime.clock.now()):
                        break
