"""A bulk change's run: page after page of customers, then, where WeCom is to be written to, the job that does so.

The run's fence is held in every page's transaction, so one process at a time carries a change out; what a page did,
what became of each customer, and where to go on are one commit.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.bulk.store import load_job
from services.bulk_changes.carrying_out import Step, do_page
from services.bulk_changes.carrying_out import finish as finish_change
from services.bulk_changes.model import Change, ChangeState
from services.bulk_changes.store import load_change
from services.intents.model import CAUSES
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from shared.clock import monotonic
from shared.db.engine import transact
from shared.errors import TerminalError
from shared.sync_blocks import Block, Cut
from shared.sync_runs import BULK_CHANGE, WALK, hold_run, job_of, open_bulk, set_phase
from shared.wecom.errors import PostponedError
from sync_worker.resync import Pass, Work

FOLLOW = "follow"
"""The phase in which the bulk job of the change pushes."""
LONGEST_STEP_S = 3.0
"""Then other runs have their turn."""
PAUSED_WAIT_S, FOLLOW_WAIT_S = 1.0, 0.5


def cut(_work: Work) -> list[Cut]:
    """Its customers are frozen rows: there is nothing to walk."""
    return []


def walk(_work: Work, _block: Block) -> Block | None:
    raise TerminalError("a bulk change has no blocks")


def finish(work: Work) -> bool:
    if work.run.phase == FOLLOW:
        return transact(work.runtime.engine, lambda c: _follow(c, work))
    started, after = monotonic(), int(work.run.cursor or 0)
    while monotonic() - started < LONGEST_STEP_S:
        done = transact(work.runtime.engine, lambda c, after=after: _page(c, work, after))  # type: ignore[misc]
        if isinstance(done, bool):
            return done
        after = done.last
    return False


def _page(connection: Connection, work: Work, after: int) -> Step | bool:
    """One page, or the end of them: then whether the change is over."""
    hold_run(connection, work.run)
    change = load_change(connection, work.tenant, job_of(work.run), lock=True)
    if change.state is ChangeState.PAUSED:
        raise PostponedError(BULK_CHANGE, "the change is paused", after_s=PAUSED_WAIT_S)
    now = work.runtime.clock.now()
    step = None
    if change.state is ChangeState.RUNNING:
        step = do_page(connection, work.tenant, change, after=after, now=now)
    if step is None:
        return _end_of_pages(connection, work, change)
    _tell(connection, work, change, step.facts)
    set_phase(connection, work.run, WALK, cursor=str(step.last))
    return step


def _end_of_pages(connection: Connection, work: Work, change: Change) -> bool:
    now = work.runtime.clock.now()
    if change.job_id is None:
        _tell(connection, work, change, [finish_change(connection, work.tenant, change, now=now)])
        return True
    open_bulk(connection, work.tenant.id, job_id=change.job_id, asked_by=change.author, now=now)
    set_phase(connection, work.run, FOLLOW)
    return False


def _follow(connection: Connection, work: Work) -> bool:
    """Over when its bulk job is."""
    hold_run(connection, work.run)
    change = load_change(connection, work.tenant, job_of(work.run), lock=True)
    assert change.job_id is not None
    job = load_job(connection, work.tenant.id, change.job_id)
    if job is not None and job.finished_at is None:
        raise PostponedError(BULK_CHANGE, "its tags are still being written", after_s=FOLLOW_WAIT_S)
    now = work.runtime.clock.now()
    _tell(connection, work, change, [finish_change(connection, work.tenant, change, now=now)])
    return True


def _tell(connection: Connection, work: Work, change: Change, facts: Sequence[Fact]) -> None:
    caused = [Caused(fact, CAUSES[change.source], change.caused_by) for fact in facts]
    now, ttl_s = work.runtime.clock.now(), work.runtime.settings.message_ttl_s
    record_facts_and_notices(connection, work.tenant, caused, now=now, ttl_s=ttl_s)


PASS = Pass(BULK_CHANGE, cut, walk, finish)
