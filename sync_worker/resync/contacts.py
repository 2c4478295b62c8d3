"""The pass over customers and their relations (see contact_pages.py for a page, removals.py for what is missing).

A first sync walks, then decides who each customer is assigned to. A resync walks, reads what it missed, judges and
applies.
"""

from services.associates.model import ASSOCIATE
from services.associates.record import record_follow_users
from services.associates.store import unknown_associates
from services.customers.absence import cut_confirmations
from shared.ids import UserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.sync_blocks import Block, Cut
from shared.sync_runs import WALK, hold_run, set_phase
from sync_worker.resync import Pass, Work
from sync_worker.resync.contact_pages import cause_of, walk_page
from sync_worker.resync.first_sync import decide_some
from sync_worker.resync.removals import (
    RESOURCE,
    apply_approved,
    apply_some,
    confirm_page,
    judge_suspects,
    suspect_those_out_of_sight,
)
from sync_worker.resync.unassigned import walk_unassigned

BLOCK_SIZE = 100
CONFIRM_BLOCK = 50
UNASSIGNED = "unassigned"


def cut(work: Work) -> list[Cut]:
    if work.run.kind in ("departure", "approval"):
        return []
    userids = sorted(work.client().contacts.follow_users())
    now = work.runtime.clock.now()
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        record_follow_users(connection, work.tenant, userids, now=now)
        unknown = unknown_associates(connection, work.tenant.id, userids)
        names = [
            Wanted(Subject(work.tenant.id, ASSOCIATE, one), BACKFILL, cause_of(work.run), f"sight:{work.run.id}")
            for one in unknown
        ]
        want(connection, names, now=now)
    walked = [one for one in userids if work.run.scope is None or one in work.run.scope]
    return [*_blocks(walked, parallel=work.runtime.settings.resync_parallel), Cut((), UNASSIGNED)]


def _blocks(userids: list[UserId], *, parallel: int) -> list[Cut]:
    """As few blocks as WeCom allows, but enough for all that walk at the same time."""
    size = max(1, min(BLOCK_SIZE, -(-len(userids) // parallel)))
    return [Cut(userids[i : i + size]) for i in range(0, len(userids), size)]


def walk(work: Work, block: Block) -> Block | None:
    match block.kind:
        case "confirm":
            return confirm_page(work, block)
        case kind if kind == UNASSIGNED:
            return walk_unassigned(work, block)
    return walk_page(work, block)


def finish(work: Work) -> bool:
    match work.run.kind, work.run.phase:
        case "approval", _:
            return apply_approved(work)
        case "bootstrap", _:
            return decide_some(work)
        case _, phase if phase == WALK:
            suspect_those_out_of_sight(work)
            _confirm(work)
            return False
        case _, "confirm":
            judge_suspects(work, next_phase="apply")
            return False
    return apply_some(work)


def _confirm(work: Work) -> None:
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        cut_confirmations(connection, work.tenant.id, work.run.id, size=CONFIRM_BLOCK)
        set_phase(connection, work.run, "confirm")


PASS = Pass(RESOURCE, cut, walk, finish)
