"""Empties what bulk changes keep for an undo, when its time is over."""

from datetime import timedelta

import structlog

from services.bulk_changes.store import forget_before
from shared.runtime import Runtime

AT_ONCE = 5_000
MOST = 200
"""Transactions of one hour's housekeeping: a million rows."""

log = structlog.get_logger()


def forget_old_values(runtime: Runtime) -> int:
    """In small transactions; how many took place."""
    now = runtime.clock.now()
    until = now - timedelta(days=runtime.settings.bulk_undo_days)
    for done in range(MOST):
        with runtime.engine.begin() as connection:
            if not forget_before(connection, finished_before=until, limit=AT_ONCE, now=now):
                return done
    log.info("bulk_change.forgetting_goes_on", transactions=MOST)
    return MOST
