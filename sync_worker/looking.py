"""A thread that looks for due work whenever it is told to, or every so often, and goes on until nothing is due."""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

from shared.db.engine import describe, is_away
from shared.ids import TenantId

Due = TypeVar("Due")
log = structlog.get_logger()


class Looking:
    """`work` does a bit of what is due, and says how much it found. `every_s` None: it looks only when it is told to.

    Rows say what is due: whatever fails is there at the next look.
    """

    def __init__(self, name: str, work: Callable[[], int], *, every_s: float | None) -> None:
        self._name, self._work, self._every_s = name, work, every_s
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def look(self) -> None:
        """Something may be due; returns at once."""
        self._awake.set()

    def stop(self, *, within_s: float) -> None:
        """Begin nothing any more."""
        self._stopping.set()
        self._awake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self.stopping:
            self._awake.wait(self._every_s)
            self._awake.clear()
            try:
                while not self.stopping and self._work():
                    pass
            except Exception as error:  # whatever it is, the thread must go on
                away = is_away(error)
                log.warning("looking.database_away" if away else "looking.failed", thread=self._name,
                            reason=type(error).__name__, exc_info=None if away else error)  # fmt: skip


def each_alone(
    due: Iterable[Due], work: Callable[[Due], int], *, what: str, tenant_of: Callable[[Due], TenantId]
) -> int:
    """Work on one after the other; how much they found together. One that cannot be worked on holds up no other.

    Raises:
        what says that the database is away: then none of the others could be worked on either.
    """
    found = 0
    for one in due:
        try:
            found += work(one)
        except Exception as error:
            if is_away(error):
                raise
            log.error("looking.stuck", what=what, tenant_id=tenant_of(one), reason=describe(error))
    return found
