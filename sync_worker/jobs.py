"""The only functions that RQ calls here. They take nothing and answer nothing: rows say what is to be done."""

from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from shared.db.engine import is_away
from sync_worker.worker import Worker

log = structlog.get_logger()
_worker: Worker | None = None


def serve(worker: Worker) -> None:
    """Set what this process works with, before it takes jobs."""
    global _worker  # noqa: PLW0603 - RQ calls module functions and hands them nothing
    _worker = worker


def work() -> None:
    """Look for due work. Never raises: what failed is in rows, and the sweep looks again."""
    assert _worker is not None
    try:
        _worker.work()
    except RedisError:
        log.warning("work.redis_away")
    except Exception as error:  # whatever it is, the process must go on
        if is_away(error):
            log.warning("work.database_away", reason=type(error).__name__)
        else:
            log.error("work.failed", exc_info=error)


def sweep() -> None:
    """Look for all due work that nobody woke, here and in the notifier."""
    assert _worker is not None
    _worker.ring_notifier()
    work()


def housekeep() -> None:
    """Make the inbox partitions of the coming days. Should it fail: two weeks of them lie ahead."""
    assert _worker is not None
    _try("housekeep", _worker.housekeep)


def open_passes() -> None:
    """Open the full passes whose time has come. Should it fail, the next minute tries again."""
    assert _worker is not None
    _try("timetable", _worker.open_passes)


def check_drift() -> None:
    """Begin to measure drift. Should it fail, the next hour tries again."""
    assert _worker is not None
    _try("drift", _worker.check_drift)


def _try(name: str, job: Callable[[], None]) -> None:
    try:
        job()
    except Exception as error:  # whatever it is, the process must go on
        log.error(f"{name}.failed", exc_info=None if is_away(error) else error)
