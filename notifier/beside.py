"""A thread beside the delivery of messages: looks every second, or when told to, and goes on until nothing is due."""

import threading
from collections.abc import Callable

import structlog

from shared.db.engine import is_away

EVERY_S = 1.0

log = structlog.get_logger()


class Beside:
    """`work` does a bit of what is due, and says how much it found. Rows say what is due: what fails comes again."""

    def __init__(self, name: str, work: Callable[[], int]) -> None:
        self._name, self._work = name, work
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """Something may be due; returns at once."""
        self._awake.set()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Begin nothing any more."""
        self._stopping.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(EVERY_S)
            self._awake.clear()
            try:
                while not self._stopping.is_set() and self._work():
                    pass
            except Exception as error:  # whatever it is, the thread must go on
                away = is_away(error)
                log.warning("beside.database_away" if away else "beside.failed", thread=self._name,
                            reason=type(error).__name__, exc_info=None if away else error)  # fmt: skip
