"""The pass over group chats: their lists say which there are, and each has a request of its own that reads it.

A chat that is not listed is read by itself: that read says what became of it. When too many are missing at once, none
of them is touched until a person approves (shared/plans.py).
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection

from services.associates.record import record_follow_users
from services.groups.listing import (
    count_missed,
    forget_listing,
    missed_chats,
    owners_to_walk,
    record_listed,
)
from services.groups.model import CHAT
from services.planning import Cause, refuse_if_unsafe
from shared.db.engine import transact
from shared.ids import UserId
from shared.plans import Operation, close_plan, operations_of, plan_of, refuse, withdraw
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.sync_blocks import Block, Cut, hold_block, save_page
from shared.sync_runs import WALK, Run, add_incomplete, add_notes, hold_run, open_requests, set_phase
from shared.wecom.errors import NO_MEMBER, NO_RELATION, WeComError
from shared.wecom.payloads.chats import ChatKey
from shared.wecom.payloads.pages import Page
from sync_worker.resync import CircleError, Pass, Work

RESOURCE = CHAT
OWNERS, STATUS = "page", "status"
BLOCK_SIZE = 100
"""Published: so many owners in one call (page 92120)."""
LEFT_OWNER = (1, 2)
"""Statuses of chats whose owner left. WeCom has listed them when they name the owner, or by status and refused that."""
TOO_MANY = 81017
"""Listing without owners is refused when over 1000 people are in the app's scope."""
NO_SUCH_OWNER = NO_MEMBER | NO_RELATION | {40031, 40058}
MISSED, SETTLE = "missed", "settle"
WANT_AT_ONCE = 500
APPROVED = "read"

log = structlog.get_logger()


def cut(work: Work) -> list[Cut]:
    if work.run.kind == "approval":
        return []
    now = work.runtime.clock.now()
    owners = set(work.client().contacts.follow_users())
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        record_follow_users(connection, work.tenant, owners, now=now)
        owners |= set(owners_to_walk(connection, work.tenant.id))
    if work.run.scope is not None:
        owners &= set(work.run.scope)
    walked = sorted(owners)
    blocks = [Cut(walked[i : i + BLOCK_SIZE], OWNERS) for i in range(0, len(walked), BLOCK_SIZE)]
    return blocks if work.run.scope is not None else [*blocks, *(Cut([str(one)], STATUS) for one in LEFT_OWNER)]


def walk(work: Work, block: Block) -> Block | None:
    page = _read(work, block)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    return transact(work.runtime.engine, lambda connection: _record(connection, work, block, page))


def _read(work: Work, block: Block) -> Page[ChatKey]:
    """An owner whom WeCom does not know (any more) has no chats; of several, each is asked for alone (see steps.py)."""
    chats = work.client().chats
    try:
        if block.kind == STATUS:
            return chats.list(status=int(block.keys[0]), cursor=block.cursor)
        return chats.list(owners=[UserId(one) for one in block.keys], cursor=block.cursor)
    except WeComError as error:
        alone = block.kind == OWNERS and len(block.keys) == 1 and error.code in NO_SUCH_OWNER
        if not alone and not (block.kind == STATUS and error.code == TOO_MANY):
            raise
    return Page((), "")


def _record(connection: Connection, work: Work, block: Block, page: Page[ChatKey]) -> Block | None:
    hold_block(connection, work.run, block)
    statuses = {one.chat_id: one.status for one in page.rows}
    cause, caused_by = _cause(work.run), work.run.caused_by
    record_listed(connection, work.tenant.id, statuses, run_id=work.run.id, cause=cause, caused_by=caused_by)
    _want(connection, work, list(statuses))
    after = save_page(
        connection,
        work.run,
        block,
        cursor=page.next_cursor,
        done=not page.next_cursor,
        rows=len(page.rows),
        now=work.runtime.clock.now(),
        lease_s=work.runtime.settings.lease_s,
    )
    return after if page.next_cursor else None


def _cause(run: Run) -> Cause:
    return "bootstrap" if run.kind == "bootstrap" else "resync"


def _want(connection: Connection, work: Work, chat_ids: Sequence[str]) -> None:
    wishes = [
        Wanted(Subject(work.tenant.id, CHAT, one), BACKFILL, _cause(work.run), work.run.caused_by) for one in chat_ids
    ]
    want(connection, wishes, now=work.runtime.clock.now())


def finish(work: Work) -> bool:
    """Judge what is missing, have it read, wait until every chat of the run was read."""

    def step(connection: Connection) -> bool:
        hold_run(connection, work.run)
        match work.run.phase:
            case phase if phase == SETTLE:
                return _settled(connection, work)
            case phase if phase == MISSED or work.run.kind == "approval":
                _want_some(connection, work)
            case _:
                _judge(connection, work)
        return False

    return transact(work.runtime.engine, step)


def _judge(connection: Connection, work: Work) -> None:
    assert work.run.phase == WALK
    tenant_id, settings, now = work.tenant.id, work.runtime.settings, work.runtime.clock.now()
    missed, known = count_missed(connection, tenant_id, work.run.id, owners=work.run.scope)
    add_notes(connection, work.run, missing=missed)
    reason = refuse_if_unsafe(removals=missed, known=known, share=settings.guard_share, floor=settings.guard_floor)
    if reason is None:
        # Whatever an earlier pass missed is there again, or little enough by now.
        withdraw(connection, work.run, resource=RESOURCE, now=now)
        set_phase(connection, work.run, MISSED)
        return
    chats = missed_chats(connection, tenant_id, work.run.id, owners=work.run.scope, listed_before=True)
    operations = (Operation(one, APPROVED) for one in chats)
    checksum = refuse(connection, work.run, resource=RESOURCE, operations=operations, reason=reason, now=now)
    where = ("missing chats", f"{reason}; nothing was touched, plan {checksum} waits for approval")
    add_incomplete(connection, work.run, [where])
    set_phase(connection, work.run, SETTLE)
    log.warning("resync.removals_refused", tenant_id=tenant_id, run_id=work.run.id, checksum=checksum)


def _want_some(connection: Connection, work: Work) -> None:
    """Have the next missing chats read; an approved plan's are exactly those that it names."""
    after, chats = _next_approved(connection, work) if work.run.kind == "approval" else _next_missed(connection, work)
    if not chats:
        set_phase(connection, work.run, SETTLE)
        return
    forget_listing(connection, work.tenant.id, chats)
    _want(connection, work, chats)
    set_phase(connection, work.run, MISSED, cursor=after)


def _next_missed(connection: Connection, work: Work) -> tuple[str, list[str]]:
    chats = missed_chats(
        connection,
        work.tenant.id,
        work.run.id,
        owners=work.run.scope,
        after=work.run.cursor,
        limit=WANT_AT_ONCE,
    )
    return (chats[-1] if chats else ""), chats


def _next_approved(connection: Connection, work: Work) -> tuple[str, list[str]]:
    after = int(work.run.cursor or -1)
    found = operations_of(connection, work.tenant.id, plan_of(work.run), after=after, limit=WANT_AT_ONCE)
    return (str(found[-1][0]) if found else ""), [operation.subject_key for _, operation in found]


def _settled(connection: Connection, work: Work) -> bool:
    if open_requests(connection, work.run):
        return False
    if work.run.kind == "approval":
        close_plan(connection, work.tenant.id, plan_of(work.run), skipped=0, now=work.runtime.clock.now())
    return True


PASS = Pass(RESOURCE, cut, walk, finish)
