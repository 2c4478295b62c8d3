"""Leads runs through their blocks and phases: leases, waits, tries again, splits, gives up, reports.

Any number of threads and processes take steps at the same time; each holds one block, or one run between its blocks.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.clock import monotonic
from shared.db.engine import describe, is_away
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.plans import reopen
from shared.runtime import Runtime
from shared.sync_blocks import Block, add_blocks, give_up_block, lease_block, release_block, restart_block, split_block
from shared.sync_runs import (
    BULK,
    CUT,
    WALK,
    LostLeaseError,
    Run,
    add_incomplete,
    fail,
    finish,
    hold_run,
    lease_run,
    open_bootstraps,
    release,
    release_for_next_step,
    set_phase,
)
from shared.wecom.clients import Clients
from shared.wecom.errors import NO_MEMBER, NO_RELATION, PostponedError, WeComError
from shared.wecom.errors.table import Action, entry_of
from sync_worker.resync import CircleError, Pass, Work
from sync_worker.resync.passes import PASSES

LONGEST_STEP_S = 5.0
"""A block is given back after so long, so that the corps take turns."""
ASK_AGAIN = timedelta(seconds=0.1)
"""Until a run that waits for something is asked again."""
UNUSABLE_WAIT_S = 60.0
BAD_CURSOR = 50100
REFUSED_KEY = NO_MEMBER | NO_RELATION | {40031, 40058}
"""Whether one bad userid fails a whole batch read is not documented; if it does, it must not stop the walk."""

log = structlog.get_logger()
pages = Counter("guanxi_resync_pages", "Pages walked, by resource", ["resource"])
ended = Counter("guanxi_resync_ended", "Full passes that ended, by resource and how", ["resource", "outcome"])


def walk_step(
    runtime: Runtime, directory: Directory, clients: Clients, *, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Do one step of one open run, if any is due; 1 if there was. Never raises but for a database that is away.

    A step is some pages of a block, fewer when `stopping` says so.
    """
    now, settings = runtime.clock.now(), runtime.settings
    with runtime.engine.begin() as connection:
        open_bootstraps(connection, resources=PASSES.keys(), now=now)
        # To begin and to end is short, and must not wait until some big pass has no block left.
        held, leased = lease_run(connection, now=now, lease_s=settings.lease_s), None
        if held is None:
            leased = lease_block(connection, parallel=settings.resync_parallel, now=now, lease_s=settings.lease_s)
            if leased is None:
                return 0
            held = leased[0]
        tenant = directory.usable(connection, [held.tenant_id]).get(held.tenant_id)
        if tenant is None:
            _put_off(connection, held, leased[1] if leased else None, at=now + timedelta(seconds=UNUSABLE_WAIT_S))
            return 1
    work = Work(runtime, clients, tenant, held)
    if leased:
        _walk_block(work, PASSES[held.resource], leased[1], stopping=stopping)
    else:
        _lead(work, PASSES[held.resource])
    return 1


def _put_off(connection: Connection, held: Run, block: Block | None, *, at: datetime) -> None:
    """Its corp cannot be opened: come again later, and let the others pass."""
    reason = "the corp cannot be opened; was the secret key changed?"
    if block is None:
        release(connection, held, at=at, error=reason)
    else:
        release_block(connection, held, block, at=at, error=reason, failed=False)


def _walk_block(work: Work, one: Pass, leased: Block, *, stopping: Callable[[], bool]) -> None:
    started = monotonic()
    block: Block | None = leased
    try:
        while block is not None and monotonic() - started < LONGEST_STEP_S and not stopping():
            leased = block = _fresh(work, block)
            block = one.walk(work, block)
            pages.labels(one.resource).inc()
        if block is not None:
            leased = block
            _give_back(work, block, after_s=0.0, error=None, failed=False)
    except LostLeaseError:
        log.info("resync.lease_lost", tenant_id=work.tenant.id, run_id=work.run.id, block=leased.number)
    except Exception as error:  # told apart below
        if is_away(error):
            raise
        with suppress(LostLeaseError):
            _block_failed(work, leased, error)


def _fresh(work: Work, block: Block) -> Block:
    """Cursors grow old: a block that stood still for long is walked from its beginning."""
    now, life_s = work.runtime.clock.now(), work.runtime.settings.cursor_life_s
    if not block.cursor or block.saved_at is None or (now - block.saved_at).total_seconds() < life_s:
        return block
    with work.runtime.engine.begin() as connection:
        return restart_block(connection, work.run, block, now=now)


def _block_failed(work: Work, block: Block, error: Exception) -> None:
    code = error.code if isinstance(error, WeComError) else None
    if isinstance(error, PostponedError):
        _give_back(work, block, after_s=error.after_s or 1.0, error=str(error), failed=False)
        return
    over = code == BAD_CURSOR or isinstance(error, CircleError)
    tries = block.restarts if over else block.attempts
    final = isinstance(error, TerminalError) and not over  # the same call again cannot succeed
    last = final or tries + 1 >= work.runtime.settings.resync_tries
    # What refuses the app, or the corp, refuses each part of the block as well.
    splits = len(block.keys) > 1 and not (code is not None and entry_of(code).action is Action.SETTLE)
    with work.runtime.engine.begin() as connection:
        if over and not last:
            restart_block(connection, work.run, block, now=work.runtime.clock.now())
        elif splits and (code in REFUSED_KEY or last):
            split_block(connection, work.run, block, parts=len(block.keys) if code in REFUSED_KEY else 2)
            _report("resync.block_split", work, block, error)
            return
        elif last:
            give_up_block(connection, work.run, block, why=describe(error))
            _report("resync.block_given_up", work, block, error)
            return
    _give_back(work, block, after_s=_wait_s(work, block.attempts, error), error=describe(error), failed=True)
    _report("resync.retry", work, block, error)


def _give_back(work: Work, block: Block, *, after_s: float, error: str | None, failed: bool) -> None:
    at = work.runtime.clock.now() + timedelta(seconds=after_s)
    with work.runtime.engine.begin() as connection:
        release_block(connection, work.run, block, at=at, error=error, failed=failed)


def _wait_s(work: Work, attempts: int, error: Exception) -> float:
    backoff = work.runtime.settings.reconcile_backoff_s
    wait_s = backoff[min(attempts, len(backoff) - 1)]
    after_s = error.after_s if isinstance(error, RetryableError) else None
    return wait_s if after_s is None else max(after_s, min(wait_s, 60.0))


def _report(event: str, work: Work, block: Block | None, error: Exception) -> None:
    expected = isinstance(error, RetryableError | TerminalError | DBAPIError)
    log.warning(
        event,
        tenant_id=work.tenant.id,
        run_id=work.run.id,
        resource=work.run.resource,
        block=None if block is None else block.number,
        reason=describe(error),
        exc_info=None if expected else error,
    )


def _lead(work: Work, one: Pass) -> None:
    """Cut a run that is new; else let it take the next step of its end."""
    try:
        if work.run.phase == CUT:
            _cut(work, one)
        elif one.finish(work):
            _end(work, one)
        else:
            _ask_again(work)
    except LostLeaseError:
        log.info("resync.lease_lost", tenant_id=work.tenant.id, run_id=work.run.id)
    except Exception as error:  # a run that fails waits; nothing else does
        if is_away(error):
            raise
        _run_failed(work, one, error)


def _cut(work: Work, one: Pass) -> None:
    cuts = one.cut(work)
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        add_blocks(connection, work.run, cuts)
        set_phase(connection, work.run, WALK)
        release(connection, work.run, at=work.runtime.clock.now())
    log.info("resync.started", tenant_id=work.tenant.id, run_id=work.run.id, resource=one.resource, blocks=len(cuts))


def _end(work: Work, one: Pass) -> None:
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        outcome = finish(connection, work.run, now=work.runtime.clock.now())
    ended.labels(one.resource, outcome).inc()
    log.info(f"resync.{outcome}", tenant_id=work.tenant.id, run_id=work.run.id, resource=one.resource)


def _ask_again(work: Work) -> None:
    with work.runtime.engine.begin() as connection:
        release_for_next_step(connection, work.run, now=work.runtime.clock.now(), pause=ASK_AGAIN)


def _run_failed(work: Work, one: Pass, error: Exception) -> None:
    now = work.runtime.clock.now()
    postponed = isinstance(error, PostponedError)
    last = not postponed and work.run.attempts + 1 >= work.runtime.settings.resync_tries
    with work.runtime.engine.begin() as connection:
        if last and work.run.kind not in ("bootstrap", BULK):
            add_incomplete(connection, work.run, [(work.run.phase, describe(error))])
            fail(connection, work.run, why=describe(error), now=now)
            if work.run.kind == "approval":
                reopen(connection, work.run)
            ended.labels(one.resource, "failed").inc()
        else:
            at = now + timedelta(seconds=_wait_s(work, work.run.attempts, error))
            release(connection, work.run, at=at, error=None if postponed else describe(error))
    if not postponed:
        _report("resync.failed" if last else "resync.retry", work, None, error)
