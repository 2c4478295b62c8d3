"""The only function that RQ calls here. It takes nothing and answers nothing: rows say what is to be done.

Messages are delivered in the job; webhooks by lanes that it wakes, so that neither waits for the other.
"""

import threading

import structlog
from redis.exceptions import RedisError

from notifier.deliver import Notifier
from notifier.recall import Recaller
from notifier.webhooks.lanes import Lanes
from shared.clock import monotonic
from shared.db.engine import is_away

LONGEST_ROUND_S = 20.0

log = structlog.get_logger()
_notifier: Notifier | None = None
_recaller: Recaller | None = None
_lanes: Lanes | None = None
_busy = threading.Lock()


def serve(notifier: Notifier | None, recaller: Recaller | None, lanes: Lanes | None) -> None:
    """Set what this process works with, before it takes jobs."""
    global _notifier, _recaller, _lanes  # RQ calls module functions and hands them nothing
    _notifier, _recaller, _lanes = notifier, recaller, lanes


def deliver() -> None:
    """Deliver what is due. Never raises: what failed is in rows, and the sweep looks again."""
    if _lanes is not None:
        _lanes.look()
    if _recaller is not None:
        _recaller.look()
    if _notifier is None or not _busy.acquire(blocking=False):
        return
    try:
        started = monotonic()
        while monotonic() - started < LONGEST_ROUND_S and _notifier.deliver_due():
            pass
    except RedisError:
        log.warning("deliver.redis_away")
    except Exception as error:  # whatever it is, the process must go on
        if is_away(error):
            log.warning("deliver.database_away", reason=type(error).__name__)
        else:
            log.error("deliver.failed", exc_info=error)
    finally:
        _busy.release()
