"""What becomes of subjects that could not be observed or recorded: later, again, or never."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.db.engine import describe, is_away, transact
from shared.errors import RetryableError, TerminalError
from shared.requests import Leased, Wait, bury, give_back, hold, look_again, retry
from shared.runtime import Runtime
from shared.wecom.errors import PostponedError

MOST_TRIES_OF_A_BUG = 5
GIVEN_BACK, POSTPONED, RETRY, DEAD = "given_back", "postponed", "retry", "dead"

log = structlog.get_logger()
reconciled = Counter("guanxi_reconciled", "Subjects reconciled, by kind and outcome", ["kind", "outcome"])


class TooLateError(Exception):
    """No thread came in time; it is simply the subject's turn again."""


@dataclass(frozen=True)
class Failed:
    """A leased subject that could not be observed or recorded."""

    leased: Leased
    error: Exception

    @property
    def outcome(self) -> str:
        if isinstance(self.error, TooLateError):
            return GIVEN_BACK
        if isinstance(self.error, PostponedError):
            return POSTPONED
        if isinstance(self.error, RetryableError):
            return RETRY
        last = self.leased.attempts + 1 >= MOST_TRIES_OF_A_BUG
        return DEAD if isinstance(self.error, TerminalError) or last else RETRY


def record_failures(runtime: Runtime, failed: Sequence[Failed]) -> None:
    """Write down all failures of a batch, in one transaction.

    Raises:
        DBAPIError: the database is away, now or when the subjects were recorded.
    """
    for one in failed:
        if is_away(one.error):
            raise one.error
    if failed:
        now = runtime.clock.now()
        transact(runtime.engine, lambda connection: _write(connection, runtime, failed, now=now))
        _report(failed)


def _write(connection: Connection, runtime: Runtime, failed: Sequence[Failed], *, now: datetime) -> None:
    held = {one.subject for one in hold(connection, [one.leased for one in failed])}
    of = {
        outcome: [one for one in failed if one.outcome == outcome and one.leased.subject in held]
        for outcome in (GIVEN_BACK, POSTPONED, RETRY, DEAD)
    }
    give_back(connection, [one.leased for one in of[GIVEN_BACK]])
    look_again(connection, [_wait(runtime, one, now=now) for one in of[POSTPONED]])
    retry(connection, [_wait(runtime, one, now=now) for one in of[RETRY]])
    for one in of[DEAD]:
        bury(connection, one.leased, now=now, reason=describe(one.error))


def _wait(runtime: Runtime, failed: Failed, *, now: datetime) -> Wait:
    error, backoff = failed.error, runtime.settings.reconcile_backoff_s
    wait_s = backoff[min(failed.leased.attempts, len(backoff) - 1)]
    if isinstance(error, PostponedError):
        wait_s = error.after_s or 1.0
    elif isinstance(error, RetryableError) and error.after_s is not None:
        wait_s = max(error.after_s, min(wait_s, 60.0))
    return Wait(failed.leased, now + timedelta(seconds=wait_s), describe(error))


def _report(failed: Sequence[Failed]) -> None:
    postponed = [one for one in failed if one.outcome == POSTPONED]
    for one in failed:
        subject = one.leased.subject
        if one.outcome != GIVEN_BACK:
            reconciled.labels(subject.kind, one.outcome).inc()
        if one.outcome in (GIVEN_BACK, POSTPONED):
            continue
        log.warning(
            f"reconcile.{one.outcome}",
            tenant_id=subject.tenant_id,
            kind=subject.kind,
            key=subject.key,
            reason=describe(one.error),
            exc_info=None if isinstance(one.error, RetryableError | TerminalError | DBAPIError) else one.error,
        )
    if postponed:  # a closed API postpones thousands: one line for all of a batch
        first = postponed[0]
        log.warning(
            "reconcile.postponed",
            tenant_id=first.leased.subject.tenant_id,
            subjects=len(postponed),
            reason=describe(first.error),
        )
