"""Blocks of full passes: leased one by one, so that many threads and processes walk one run.

A block's cursor is saved with the rows of the page before it, and every save shows the fence of its lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.sync_runs import RUN, LostLeaseError, Run, add_incomplete, read_run

CLAIMS = 0x67756178
"""The advisory lock under which blocks are claimed, one claim after the other: how many are at work is counted."""


@dataclass(frozen=True)
class Cut:
    """A block to be: what it walks over (associates, departments, contacts ...) and which walk it needs."""

    keys: Sequence[str]
    kind: str = "page"


@dataclass(frozen=True)
class Block:
    """`cursor` is of the next page, "" of the first; `pages` counts those walked since `started_at`."""

    number: int
    kind: str
    keys: tuple[str, ...]
    cursor: str
    fence: int
    attempts: int
    restarts: int
    pages: int
    anchor: str
    started_at: datetime
    saved_at: datetime | None


def lease_block(connection: Connection, *, parallel: int, now: datetime, lease_s: float) -> tuple[Run, Block] | None:
    """Take the next block of the corp that has the fewest at work, and whose last page is the oldest.

    At most `parallel` of one run are at work at a time.
    """
    fetch_all(connection, "select pg_advisory_xact_lock(:claims)", claims=CLAIMS)
    row = fetch_one(
        connection,
        "with busy as (select tenant_id, run_id, count(*) as n from sync_block "
        "where not done and lease_until >= :now group by 1, 2), "
        "served as (select q.tenant_id, max(b.saved_at) as at from sync_run q join sync_block b "
        "on b.tenant_id = q.tenant_id and b.run_id = q.id where q.state = 'walking' group by 1), "
        "due as (select b.tenant_id, b.run_id, b.number from sync_run q join sync_block b "
        "on b.tenant_id = q.tenant_id and b.run_id = q.id left join busy on busy.tenant_id = q.tenant_id "
        "and busy.run_id = q.id where q.state = 'walking' and not q.paused and q.next_try_at <= :now and not b.done "
        "and b.next_try_at <= :now and (b.lease_until is null or b.lease_until < :now) "
        "and coalesce(busy.n, 0) < :parallel "
        "order by coalesce((select sum(n) from busy x where x.tenant_id = q.tenant_id), 0), "
        "(select at from served x where x.tenant_id = q.tenant_id) nulls first, b.run_id, b.number "
        "limit 1 for update of b skip locked) "
        "update sync_block b set lease_until = :until, fence = b.fence + 1, started_at = coalesce(b.started_at, :now) "
        "from due where (b.tenant_id, b.run_id, b.number) = (due.tenant_id, due.run_id, due.number) "
        "returning b.tenant_id, b.run_id, b.number, b.kind, b.userids, b.cursor, b.fence, b.attempts, b.restarts, "
        "b.pages, b.anchor, b.started_at, b.saved_at",
        parallel=parallel,
        until=now + timedelta(seconds=lease_s),
        now=now,
    )
    if row is None:
        return None
    held = fetch_one(
        connection,
        f"select {RUN} from sync_run q where q.tenant_id = :tenant_id and q.id = :id",  # noqa: S608 - a constant
        tenant_id=row["tenant_id"],
        id=row["run_id"],
    )
    assert held is not None
    return read_run(held), _block(row)


def _block(row: Row) -> Block:
    return Block(
        number=row["number"],
        kind=row["kind"],
        keys=tuple(row["userids"]),
        cursor=row["cursor"],
        fence=row["fence"],
        attempts=row["attempts"],
        restarts=row["restarts"],
        pages=row["pages"],
        anchor=row["anchor"],
        started_at=row["started_at"],
        saved_at=row["saved_at"],
    )


def add_blocks(connection: Connection, held: Run, cuts: Sequence[Cut]) -> None:
    """Number the blocks after those that the run has."""
    run(
        connection,
        "insert into sync_block (tenant_id, run_id, number, kind, userids) select :tenant_id, :id, "
        "(select coalesce(max(number), -1) from sync_block where tenant_id = :tenant_id and run_id = :id) + n, "
        "kind, keys from jsonb_to_recordset(cast(:rows as jsonb)) as r(n int, kind text, keys text[])",
        tenant_id=held.tenant_id,
        id=held.id,
        rows=as_json([{"n": n, "kind": cut.kind, "keys": list(cut.keys)} for n, cut in enumerate(cuts, start=1)]),
    )


def keys_of_blocks(connection: Connection, held: Run) -> set[str]:
    """All that the run's blocks walk, or have walked, or were given up on."""
    row = fetch_one(
        connection,
        "select array_agg(distinct key) as keys from sync_block, unnest(userids) as key "
        "where tenant_id = :tenant_id and run_id = :id",
        tenant_id=held.tenant_id,
        id=held.id,
    )
    return set((row["keys"] if row else None) or ())


def hold_block(connection: Connection, held: Run, block: Block) -> None:
    """Lock the block until the transaction ends.

    Raises:
        LostLeaseError: somebody else walks it, or the run was cancelled.
    """
    row = fetch_one(
        connection,
        "select 1 from sync_block b where tenant_id = :tenant_id and run_id = :id and number = :number "
        "and fence = :fence and not done and exists (select from sync_run q where q.tenant_id = b.tenant_id "
        "and q.id = b.run_id and q.state = 'walking') for update",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
    )
    if row is None:
        raise LostLeaseError


def save_page(
    connection: Connection,
    held: Run,
    block: Block,
    *,
    cursor: str,
    done: bool,
    rows: int,
    now: datetime,
    lease_s: float,
) -> Block:
    """Save the cursor that follows a page, in the transaction of the page's rows, and keep the lease.

    Returns the block as it is for the next page.

    Raises:
        LostLeaseError: somebody else has taken the block over, or the run was cancelled: nothing of the page may be
            committed.
    """
    saved = run(
        connection,
        "update sync_block set cursor = :cursor, done = :done, rows = rows + :rows, pages = pages + 1, "
        # Brent's way to see a circle: one earlier cursor is kept, exchanged after 1, 2, 4, 8 ... pages.
        "anchor = case when pages & (pages + 1) = 0 then :cursor else anchor end, "
        "saved_at = :now, lease_until = :until, attempts = 0, last_error = null "
        "where tenant_id = :tenant_id and run_id = :id and number = :number and fence = :fence and not done "
        "and exists (select from sync_run q where q.tenant_id = :tenant_id and q.id = :id and q.state = 'walking')",
        cursor=cursor,
        done=done,
        rows=rows,
        now=now,
        until=None if done else now + timedelta(seconds=lease_s),
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
    )
    if not saved:
        raise LostLeaseError
    anchor = cursor if block.pages & (block.pages + 1) == 0 else block.anchor
    return replace(block, cursor=cursor, pages=block.pages + 1, anchor=anchor, attempts=0, saved_at=now)


def release_block(
    connection: Connection, held: Run, block: Block, *, at: datetime, error: str | None, failed: bool
) -> None:
    """Give the block back where it stands; `failed` counts a try."""
    run(
        connection,
        "update sync_block set lease_until = null, next_try_at = :at, last_error = :error, "
        "attempts = attempts + :failed where tenant_id = :tenant_id and run_id = :id and number = :number "
        "and fence = :fence",
        at=at,
        error=error,
        failed=int(failed),
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
    )


def restart_block(connection: Connection, held: Run, block: Block, *, now: datetime) -> Block:
    """Walk the block from its beginning: its cursor was refused, is old, or led in a circle.

    Raises:
        LostLeaseError: somebody else walks it.
    """
    mine = run(
        connection,
        "update sync_block set cursor = '', pages = 0, anchor = '', rows = 0, started_at = :now, saved_at = null, "
        "restarts = restarts + 1 "
        "where tenant_id = :tenant_id and run_id = :id and number = :number and fence = :fence",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
        now=now,
    )
    if not mine:
        raise LostLeaseError
    forget_seen(connection, held, block)
    return replace(block, cursor="", pages=0, anchor="", started_at=now, saved_at=None, restarts=block.restarts + 1)


def give_up_block(connection: Connection, held: Run, block: Block, *, why: str) -> None:
    """Leave the block unread: the run ends as incomplete, and nothing is concluded from what the block showed.

    Raises:
        LostLeaseError: somebody else walks it.
    """
    mine = run(
        connection,
        "update sync_block set done = true, kind = 'given_up', lease_until = null, last_error = :why "
        "where tenant_id = :tenant_id and run_id = :id and number = :number and fence = :fence",
        why=why,
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
    )
    if not mine:
        raise LostLeaseError
    forget_seen(connection, held, block)
    where = ", ".join(block.keys[:5]) + (f" and {len(block.keys) - 5} more" if len(block.keys) > 5 else "")
    add_incomplete(connection, held, [(where or block.kind, why)])


def split_block(connection: Connection, held: Run, block: Block, *, parts: int) -> None:
    """Walk the keys of a block in smaller blocks: one of them spoils the reading of all."""
    done = run(
        connection,
        "delete from sync_block where tenant_id = :tenant_id and run_id = :id and number = :number and fence = :fence",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        fence=block.fence,
    )
    if not done:
        raise LostLeaseError
    forget_seen(connection, held, block)
    size = -(-len(block.keys) // parts)
    add_blocks(connection, held, [Cut(block.keys[i : i + size], block.kind) for i in range(0, len(block.keys), size)])


def add_seen(
    connection: Connection,
    held: Run,
    block: Block,
    userids: Sequence[str],
    external_userids: Sequence[str] = (),
) -> None:
    """Note what a page has shown, in its transaction."""
    run(
        connection,
        "insert into sync_seen (tenant_id, run_id, block, userids, external_userids) "
        "values (:tenant_id, :id, :number, :userids, :external_userids)",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
        userids=list(userids),
        external_userids=list(external_userids),
    )


def forget_seen(connection: Connection, held: Run, block: Block) -> None:
    run(
        connection,
        "delete from sync_seen where tenant_id = :tenant_id and run_id = :id and block = :number",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
    )
