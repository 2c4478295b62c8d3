"""The pass over customers and their relations (see contact_pages.py for a page, removals.py for what is missing).

A first sync walks, then decides who each customer is assigned to. A resync walks, reads what it missed, judges and
applies.
"""

from collections.abc import Sequence

from services.associates.model import ASSOCIATE
from services.associates.record import record_follow_users
from services.associates.store import unknown_associates
from services.customers.absence import cut_confirmations
from shared.ids import UserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.sync_blocks import Block, Cut, add_blocks, keys_of_blocks
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
    walked = [one for one in userids if _is_meant(work, one)]
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
    if work.run.kind == "approval":
        return apply_approved(work)
    if work.run.phase == WALK:
        _end_walk(work)
        return False
    if work.run.kind == "bootstrap":
        return decide_some(work)
    if work.run.phase == "confirm":
        judge_suspects(work, next_phase="apply")
        return False
    return apply_some(work)


def _end_walk(work: Work) -> None:
    in_sight = work.client().contacts.follow_users()
    if work.run.kind != "departure" and _cut_the_rest(work, in_sight):
        return
    if work.run.kind == "bootstrap":
        _decide(work)
        return
    suspect_those_out_of_sight(work, in_sight)
    _confirm(work)


def _cut_the_rest(work: Work, in_sight: Sequence[UserId]) -> bool:
    """Walk those whom the look at the beginning did not show; False when there are none.

    They are new since, or that answer was too short.
    """
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        cut_before = keys_of_blocks(connection, work.run)
        rest = [one for one in sorted(in_sight) if one not in cut_before and _is_meant(work, one)]
        add_blocks(connection, work.run, _blocks(rest, parallel=work.runtime.settings.resync_parallel))
    return bool(rest)


def _is_meant(work: Work, userid: UserId) -> bool:
    return work.run.scope is None or userid in work.run.scope


def _decide(work: Work) -> None:
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        set_phase(connection, work.run, "decide")


def _confirm(work: Work) -> None:
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        cut_confirmations(connection, work.tenant.id, work.run.id, size=CONFIRM_BLOCK)
        set_phase(connection, work.run, "confirm")


PASS = Pass(RESOURCE, cut, walk, finish)
