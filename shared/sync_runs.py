"""Rows of full passes: a run per tenant and resource, cut into blocks, each with the cursor of its next page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId


@dataclass(frozen=True)
class Run:
    """A run that this process holds until its lease ends. state: walking, then settling."""

    tenant_id: TenantId
    id: int
    kind: str
    state: str
    cursor: str
    fence: int
    attempts: int


@dataclass(frozen=True)
class Block:
    number: int
    userids: tuple[UserId, ...]
    cursor: str


def open_bootstraps(connection: Connection, *, now: datetime) -> int:
    """Make sure that every new corp has its first sync open; the number opened."""
    return run(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, started_at, next_try_at) "
        "select id, 'bootstrap', 'external_contact', 'walking', :now, :now from tenant t where state = 'bootstrap' "
        "and not exists (select from sync_run r where r.tenant_id = t.id and r.state in ('walking', 'settling')) "
        "and exists (select from app a where a.tenant_id = t.id and a.name = 'contact') "
        "on conflict do nothing",
        now=now,
    )


def lease_run(connection: Connection, *, now: datetime, lease_s: float) -> Run | None:
    row = fetch_one(
        connection,
        "update sync_run q set lease_until = :until, fence = q.fence + 1 from (select tenant_id, id from sync_run "
        "where state in ('walking', 'settling') and next_try_at <= :now "
        "and (lease_until is null or lease_until < :now) order by next_try_at limit 1 for update skip locked) due "
        "where q.tenant_id = due.tenant_id and q.id = due.id "
        "returning q.tenant_id, q.id, q.kind, q.state, q.cursor, q.fence, q.attempts",
        until=now + timedelta(seconds=lease_s),
        now=now,
    )
    return Run(**row) if row else None


def holds(connection: Connection, held: Run) -> bool:
    """Whether the lease is still the newest; locks the run until the transaction ends."""
    row = fetch_one(
        connection,
        "select 1 from sync_run where tenant_id = :tenant_id and id = :id and fence = :fence for update",
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )
    return row is not None


def release(connection: Connection, held: Run, *, at: datetime, error: str | None = None) -> None:
    """Give the run back; its next step may start at `at`."""
    run(
        connection,
        "update sync_run set lease_until = null, next_try_at = :at, last_error = :error, "
        "attempts = case when cast(:error as text) is null then 0 else attempts + 1 end "
        "where tenant_id = :tenant_id and id = :id and fence = :fence",
        at=at,
        error=error,
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )


def add_blocks(connection: Connection, held: Run, blocks: Sequence[Sequence[UserId]]) -> None:
    run(
        connection,
        "insert into sync_block (tenant_id, run_id, number, userids) select :tenant_id, :id, number, userids "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(number int, userids text[]) on conflict do nothing",
        tenant_id=held.tenant_id,
        id=held.id,
        rows=as_json([{"number": n, "userids": list(userids)} for n, userids in enumerate(blocks)]),
    )


def has_blocks(connection: Connection, held: Run) -> bool:
    row = fetch_one(
        connection,
        "select 1 from sync_block where tenant_id = :tenant_id and run_id = :id limit 1",
        tenant_id=held.tenant_id,
        id=held.id,
    )
    return row is not None


def next_block(connection: Connection, held: Run) -> Block | None:
    row = fetch_one(
        connection,
        "select number, userids, cursor from sync_block where tenant_id = :tenant_id and run_id = :id and not done "
        "order by number limit 1",
        tenant_id=held.tenant_id,
        id=held.id,
    )
    return Block(row["number"], tuple(UserId(one) for one in row["userids"]), row["cursor"]) if row else None


def save_cursor(connection: Connection, held: Run, block: Block, *, cursor: str, done: bool, rows: int) -> None:
    run(
        connection,
        "update sync_block set cursor = :cursor, done = :done, rows = rows + :rows "
        "where tenant_id = :tenant_id and run_id = :id and number = :number",
        cursor=cursor,
        done=done,
        rows=rows,
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
    )


def split_block(connection: Connection, held: Run, block: Block) -> None:
    """Walk the associates of a block one by one: one of them makes WeCom refuse them all."""
    done = run(
        connection,
        "delete from sync_block where tenant_id = :tenant_id and run_id = :id and number = :number",
        tenant_id=held.tenant_id,
        id=held.id,
        number=block.number,
    )
    if done:
        run(
            connection,
            "insert into sync_block (tenant_id, run_id, number, userids) select :tenant_id, :id, "
            "(select coalesce(max(number), 0) from sync_block where tenant_id = :tenant_id and run_id = :id) "
            "+ ordinality, array[userid] "
            "from unnest(cast(:userids as text[])) with ordinality as u(userid, ordinality)",
            tenant_id=held.tenant_id,
            id=held.id,
            userids=list(block.userids),
        )


def save_settling(connection: Connection, held: Run, *, cursor: str) -> None:
    run(
        connection,
        "update sync_run set state = 'settling', cursor = :cursor where tenant_id = :tenant_id and id = :id",
        cursor=cursor,
        tenant_id=held.tenant_id,
        id=held.id,
    )


def finish_bootstrap(connection: Connection, held: Run, *, now: datetime) -> None:
    run(
        connection,
        "update sync_run set state = 'done', finished_at = :now, lease_until = null "
        "where tenant_id = :tenant_id and id = :id",
        now=now,
        tenant_id=held.tenant_id,
        id=held.id,
    )
    run(
        connection,
        "update tenant set state = 'live', live_at = :now where id = :id and state = 'bootstrap'",
        now=now,
        id=held.tenant_id,
    )


def load_progress(connection: Connection) -> Sequence[Row]:
    """One row per tenant: corp_id, name, state, rows walked, blocks done and in all, last_error."""
    return fetch_all(
        connection,
        "select t.id, t.corp_id, t.subject, t.name, t.state, r.state as run_state, r.last_error, "
        "coalesce(sum(b.rows), 0) as rows, count(b.*) filter (where b.done) as blocks_done, count(b.*) as blocks "
        "from tenant t left join lateral (select * from sync_run where tenant_id = t.id order by id desc limit 1) r "
        "on true left join sync_block b on b.tenant_id = r.tenant_id and b.run_id = r.id "
        "group by t.id, r.state, r.last_error order by t.id",
    )
