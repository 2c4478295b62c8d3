"""The pass over the directory: all departments in one read, then their members, a department a page.

Where the corp's file has the secret of contact sync, its list of ids says who is with the corp at all. What neither
shows is read by itself (departures.py); that the app does not see somebody any more makes nobody leave.
"""

from collections.abc import Callable, Mapping

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.associates.absence import (
    DEPARTMENTS,
    PAGE,
    PLACES,
    add_listed,
    note_missing_members,
    note_missing_outlets,
    shown_departments,
    was_given_up,
)
from services.associates.model import ASSOCIATE, OUTLET, ObservedAssociate
from services.associates.store import DIRECTORY as RESOURCE
from services.associates.store import associates_in_hand, lock_directory
from shared.db.engine import describe, is_away, transact
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.sync_blocks import Block, Cut, add_blocks, add_seen, hold_block, save_page
from shared.sync_runs import WALK, hold_run, open_requests, set_phase
from shared.wecom.clients import DIRECTORY
from shared.wecom.errors import NO_DEPARTMENT, WeComError
from sync_worker.events import LONGEST_ID
from sync_worker.reconcilers import Recording
from sync_worker.reconcilers.directory import (
    NOT_IN_SIGHT,
    observed_department,
    observed_member,
    plan_members,
    plan_outlets,
    record_member_plans,
    record_outlet_plans,
)
from sync_worker.resync import CircleError, Pass, Work
from sync_worker.resync.departures import (
    APPLY,
    CONFIRM,
    GUARD,
    apply_approved,
    apply_some,
    confirm_some,
    guard,
    has_contact_sync,
    why,
)

BLOCK_SIZE = 100
OUTLETS, MEMBERS, SCOPE = "outlets", "members", "scope"
"""Phases: departments that were not shown are read; members are walked; a few members are read."""

log = structlog.get_logger()


def cut(work: Work) -> list[Cut]:
    if work.run.kind == "approval" or work.run.scope is not None:
        return []
    return [Cut((), DEPARTMENTS)] + ([Cut((), PLACES)] if has_contact_sync(work) else [])


def walk(work: Work, block: Block) -> Block | None:
    if block.kind == DEPARTMENTS:
        _walk_departments(work, block)
        return None
    if block.kind == PLACES:
        return _walk_places(work, block)
    return _walk_members(work, block)


def _walk_departments(work: Work, block: Block) -> None:
    """Read and record all departments that the app sees."""
    read_at = work.runtime.clock.now()
    read = {one.id: observed_department(one, now=read_at) for one in work.client().address_book.departments()}
    observed = [one for one in read.values() if one.department_id > 0]

    def write(connection: Connection) -> None:
        hold_block(connection, work.run, block)
        recording = Recording(work.runtime.settings, work.tenant, work.runtime.clock.now())
        lock_directory(connection, work.tenant.id)
        plans = plan_outlets(connection, recording, observed)
        record_outlet_plans(connection, recording, plans, dict.fromkeys(read, why(work)))
        add_seen(connection, work.run, block, [str(one.department_id) for one in observed])
        _save(connection, work, block, cursor="", rows=len(observed))

    transact(work.runtime.engine, write)


def _walk_places(work: Work, block: Block) -> Block | None:
    """Read one page of who is in which department by contact sync; only whose ids there are is used."""
    page = work.client(DIRECTORY).address_book.places(cursor=block.cursor)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    userids = sorted({one.userid for one in page.rows if len(one.userid) <= LONGEST_ID})

    def write(connection: Connection) -> Block:
        hold_block(connection, work.run, block)
        add_seen(connection, work.run, block, userids)
        return _save(connection, work, block, cursor=page.next_cursor, rows=len(userids))

    after = transact(work.runtime.engine, write)
    return after if page.next_cursor else None


def _walk_members(work: Work, block: Block) -> Block | None:
    """Read and record the members of the block's next department."""
    position = int(block.cursor or 0)
    department_id = int(block.keys[position])
    observed = _read_members(work, department_id)
    after = position + 1
    cursor = str(after) if after < len(block.keys) else ""

    def write(connection: Connection, *, record: bool) -> Block:
        hold_block(connection, work.run, block)
        if observed is None:
            _want(connection, work, [Subject(work.tenant.id, OUTLET, str(department_id))])
        elif record:
            _record_members(connection, work, observed)
        else:  # read again member by member: the bad one is buried, the others arrive
            _want(connection, work, [Subject(work.tenant.id, ASSOCIATE, one.userid) for one in observed])
        add_seen(connection, work.run, block, [one.userid for one in observed or ()])
        return _save(connection, work, block, cursor=cursor, rows=len(observed or ()))

    try:
        following = transact(work.runtime.engine, lambda connection: write(connection, record=True))
    except DBAPIError as error:
        if is_away(error):
            raise
        log.warning("resync.page_refused", tenant_id=work.tenant.id, rows=len(observed or ()), reason=describe(error))
        following = transact(work.runtime.engine, lambda connection: write(connection, record=False))
    return following if cursor else None


def _read_members(work: Work, department_id: int) -> list[ObservedAssociate] | None:
    """None: the department is gone, or out of sight, since the departments were read."""
    read_at = work.runtime.clock.now()
    try:
        members = work.client().address_book.members_in(department_id)
    except WeComError as error:
        if error.code in NO_DEPARTMENT | NOT_IN_SIGHT:
            return None
        raise
    found = {one.userid: observed_member(one, now=read_at) for one in members if len(one.userid) <= LONGEST_ID}
    return list(found.values())


def _record_members(connection: Connection, work: Work, observed: list[ObservedAssociate]) -> None:
    """Record whom no request looks after at the moment: it knows better, of new userids above all."""
    recording = Recording(work.runtime.settings, work.tenant, work.runtime.clock.now())
    lock_directory(connection, work.tenant.id)
    in_hand = associates_in_hand(connection, work.tenant.id, [one.userid for one in observed])
    left = [one for one in observed if one.userid not in in_hand]
    plans = plan_members(connection, recording, left)
    record_member_plans(connection, recording, plans, {one.userid: why(work) for one in left})


def _want(connection: Connection, work: Work, subjects: list[Subject]) -> None:
    wishes = [Wanted(one, BACKFILL, why(work).cause, why(work).caused_by) for one in subjects]
    want(connection, wishes, now=work.runtime.clock.now())


def _save(connection: Connection, work: Work, block: Block, *, cursor: str, rows: int) -> Block:
    return save_page(
        connection,
        work.run,
        block,
        cursor=cursor,
        done=not cursor,
        rows=rows,
        now=work.runtime.clock.now(),
        lease_s=work.runtime.settings.lease_s,
    )


def finish(work: Work) -> bool:
    if work.run.kind == "approval":
        return apply_approved(work)
    if work.run.scope is not None:
        return _read_scope(work)
    return _STEPS[work.run.phase](work)


def _after_departments(work: Work) -> bool:
    """Departments come first: of one that is out of sight a read of a member says nothing."""
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        if was_given_up(connection, work.tenant.id, work.run.id):
            return True
        note_missing_outlets(connection, work.tenant.id, work.run.id)
        set_phase(connection, work.run, OUTLETS)
    return False


def _cut_members(connection: Connection, work: Work) -> None:
    ids = shown_departments(connection, work.tenant.id, work.run.id)
    size = max(1, min(BLOCK_SIZE, -(-len(ids) // work.runtime.settings.resync_parallel)))
    add_blocks(connection, work.run, [Cut(ids[i : i + size], PAGE) for i in range(0, len(ids), size)])
    set_phase(connection, work.run, MEMBERS)


def _after_members(work: Work) -> bool:
    listed = has_contact_sync(work)
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        if was_given_up(connection, work.tenant.id, work.run.id):
            return True
        note_missing_members(connection, work.tenant.id, work.run.id, listed=listed)
        at = work.run.started_at
        add_listed(connection, work.tenant.id, work.run.id, cause=why(work).cause, at=at)
        set_phase(connection, work.run, CONFIRM)
    return False


def _read_scope(work: Work) -> bool:
    """Only some associates: each is read by itself."""
    if work.run.phase != WALK:
        with work.runtime.engine.begin() as connection:
            return open_requests(connection, work.run) == 0
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        _want(connection, work, [Subject(work.tenant.id, ASSOCIATE, one) for one in work.run.scope or ()])
        set_phase(connection, work.run, SCOPE)
    return False


_STEPS: Mapping[str, Callable[[Work], bool]] = {
    WALK: _after_departments,
    OUTLETS: lambda work: confirm_some(work, then=lambda connection: _cut_members(connection, work)),
    MEMBERS: _after_members,
    CONFIRM: lambda work: confirm_some(work, then=lambda connection: set_phase(connection, work.run, GUARD)),
    GUARD: guard,
    APPLY: apply_some,
}
"""What comes at the end of each phase."""

PASS = Pass(RESOURCE, cut, walk, finish)
