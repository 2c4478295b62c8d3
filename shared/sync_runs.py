"""Rows of full passes: a run per tenant and resource, cut into blocks (sync_blocks.py), then led through its phases."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId

RESOURCES = ("directory", "tag", "external_contact", "group_chat")
"""In the order in which a corp's runs are opened."""
CUT, WALK = "cut", "walk"
"""The first two phases of every run; the others are its pass's own."""


class LostLeaseError(Exception):
    """Somebody else has taken over: what this one was about to write must not be written."""


@dataclass(frozen=True)
class Run:
    """One pass over one resource of a corp. `scope`: associates; None is all. kind: bootstrap, resync, departure."""

    tenant_id: TenantId
    id: int
    kind: str
    resource: str
    phase: str
    cursor: str
    fence: int
    attempts: int
    started_at: datetime
    scope: tuple[UserId, ...] | None = None

    @property
    def caused_by(self) -> str:
        return f"run:{self.id}"


def open_bootstraps(connection: Connection, *, resources: Collection[str] = RESOURCES, now: datetime) -> int:
    """Make sure that every new corp has its first sync open, one run per resource; the number opened."""
    return run(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, started_at, next_try_at) "
        "select t.id, 'bootstrap', r.name, 'walking', :now, :now from tenant t, "
        "unnest(cast(:resources as text[])) with ordinality as r(name, n) where t.state = 'bootstrap' "
        "and exists (select from app a where a.tenant_id = t.id and a.name = 'contact') "
        "and not exists (select from sync_run x where x.tenant_id = t.id and x.resource = r.name) "
        "order by t.id, r.n on conflict do nothing",
        resources=[one for one in RESOURCES if one in resources],
        now=now,
    )


def open_runs(
    connection: Connection,
    tenant_id: TenantId,
    *,
    resources: Collection[str] = RESOURCES,
    scope: Sequence[UserId] | None = None,
    asked_by: str = "system",
    now: datetime,
) -> list[int]:
    """Open a full pass per resource, unless one is open; the ids of those opened. Not for a corp in its first sync."""
    rows = fetch_all(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, scope, asked_by, started_at, next_try_at) "
        "select t.id, 'resync', r.name, 'walking', cast(:scope as text[]), :asked_by, :now, :now "
        "from tenant t, unnest(cast(:resources as text[])) as r(name) where t.id = :tenant_id and t.state = 'live' "
        "on conflict do nothing returning id",
        tenant_id=tenant_id,
        resources=[one for one in RESOURCES if one in resources],
        scope=None if scope is None else list(scope),
        asked_by=asked_by,
        now=now,
    )
    return [row["id"] for row in rows]


def open_departure(connection: Connection, tenant_id: TenantId, userid: UserId, *, now: datetime) -> None:
    """An associate has left: a small run marks their relations, without a read per customer."""
    run(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, scope, asked_by, started_at, next_try_at) "
        "values (:tenant_id, 'departure', 'external_contact', 'walking', cast(:scope as text[]), 'event', :now, :now) "
        "on conflict do nothing",
        tenant_id=tenant_id,
        scope=[userid],
        now=now,
    )


BULK = "bulk"
"""Kind of the runs that carry out what people want of many; resource of those that push a bulk job's intents."""
BULK_CHANGE = "bulk_change"
"""Resource of the runs that carry out bulk changes of customers."""
_SCOPES = {BULK: "job:", BULK_CHANGE: "change:"}


def open_bulk(
    connection: Connection, tenant_id: TenantId, *, job_id: int, asked_by: str, now: datetime, resource: str = BULK
) -> None:
    """Open the run that carries out a bulk job or change; any number of them may be open."""
    run(
        connection,
        "insert into sync_run (tenant_id, kind, resource, state, scope, asked_by, started_at, next_try_at) "
        "values (:tenant_id, :bulk, :resource, 'walking', cast(:scope as text[]), :asked_by, :now, :now)",
        tenant_id=tenant_id,
        bulk=BULK,
        resource=resource,
        scope=[f"{_SCOPES[resource]}{job_id}"],
        asked_by=asked_by,
        now=now,
    )


def job_of(held: "Run") -> int:
    """The bulk job or change that a run of kind `bulk` carries out."""
    assert held.scope is not None
    return int(held.scope[0].removeprefix(_SCOPES[held.resource]))


def pause_bulk(connection: Connection, tenant_id: TenantId, *, job_id: int, resource: str = BULK) -> None:
    """Nobody takes a step of the job's run until it is resumed."""
    run(
        connection,
        "update sync_run set paused = true where tenant_id = :tenant_id and kind = :bulk and scope = :scope",
        tenant_id=tenant_id,
        bulk=BULK,
        scope=[f"{_SCOPES[resource]}{job_id}"],
    )


def resume_bulk(
    connection: Connection, tenant_id: TenantId, *, job_id: int, now: datetime, resource: str = BULK
) -> None:
    run(
        connection,
        # Contacts that were looked at meanwhile were left as they are: they are asked for again.
        "update sync_run set paused = false, next_try_at = least(next_try_at, :now), "
        "cursor = case when phase in ('rest', 'settle') then '' else cursor end, "
        "phase = case phase when 'settle' then 'rest' else phase end "
        "where tenant_id = :tenant_id and kind = :bulk and scope = :scope",
        tenant_id=tenant_id,
        bulk=BULK,
        scope=[f"{_SCOPES[resource]}{job_id}"],
        now=now,
    )


RUN = "q.tenant_id, q.id, q.kind, q.resource, q.phase, q.cursor, q.fence, q.attempts, q.started_at, q.scope"


def read_run(row: Row) -> Run:
    scope = row["scope"]
    return Run(**{**dict(row), "scope": None if scope is None else tuple(scope)})


def lease_run(connection: Connection, *, now: datetime, lease_s: float) -> Run | None:
    """Take a run that has no open blocks: it is to be cut, or to go on to its next phase."""
    row = fetch_one(
        connection,
        "update sync_run q set lease_until = :until, fence = q.fence + 1 from (select tenant_id, id from sync_run r "  # noqa: S608
        "where state in ('walking', 'settling') and not paused and next_try_at <= :now "
        "and (lease_until is null or lease_until < :now) "
        "and not exists (select from sync_block b where b.tenant_id = r.tenant_id and b.run_id = r.id and not b.done) "
        "order by next_try_at, id limit 1 for update skip locked) due "
        f"where q.tenant_id = due.tenant_id and q.id = due.id returning {RUN}",
        until=now + timedelta(seconds=lease_s),
        now=now,
    )
    return read_run(row) if row else None


def hold_run(connection: Connection, held: Run) -> None:
    """Lock the run until the transaction ends.

    Raises:
        LostLeaseError: somebody else has it, or it was cancelled.
    """
    row = fetch_one(
        connection,
        "select 1 from sync_run where tenant_id = :tenant_id and id = :id and fence = :fence "
        "and state in ('walking', 'settling') for update",
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )
    if row is None:
        raise LostLeaseError


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


def release_for_next_step(connection: Connection, held: Run, *, now: datetime, pause: timedelta) -> None:
    """Give the run back: at once when it has gone on since it was leased, after a pause when it waits for others."""
    run(
        connection,
        "update sync_run set lease_until = null, last_error = null, attempts = 0, "
        "next_try_at = case when (phase, cursor) = (:phase, :cursor) then cast(:later as timestamptz) else :now end "
        "where tenant_id = :tenant_id and id = :id and fence = :fence",
        phase=held.phase,
        cursor=held.cursor,
        later=now + pause,
        now=now,
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )


def set_phase(connection: Connection, held: Run, phase: str, *, cursor: str = "") -> None:
    """Go on to a phase; `cursor` is its own."""
    run(
        connection,
        "update sync_run set phase = :phase, cursor = :cursor "
        "where tenant_id = :tenant_id and id = :id and fence = :fence",
        phase=phase,
        cursor=cursor,
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )


def add_notes(connection: Connection, held: Run, **numbers: int) -> None:
    """Numbers for the report of the run's end."""
    run(
        connection,
        "update sync_run set notes = notes || cast(:notes as jsonb) where tenant_id = :tenant_id and id = :id",
        notes=as_json(numbers),
        tenant_id=held.tenant_id,
        id=held.id,
    )


def add_incomplete(connection: Connection, held: Run, places: Sequence[tuple[str, str]]) -> None:
    """Note what could not be read, and why."""
    run(
        connection,
        "update sync_run set incomplete = incomplete || cast(:places as jsonb) "
        "where tenant_id = :tenant_id and id = :id",
        places=as_json([list(place) for place in places]),
        tenant_id=held.tenant_id,
        id=held.id,
    )


def open_requests(connection: Connection, held: Run) -> int:
    """How many subjects that the run asked for are not settled yet; dead ones count as settled."""
    row = fetch_one(
        connection,
        "select count(*) as n from request where tenant_id = :tenant_id and caused_by = :caused_by "
        "and generation > settled_generation and dead_at is null",
        tenant_id=held.tenant_id,
        caused_by=held.caused_by,
    )
    return int(row["n"]) if row else 0


def finish(connection: Connection, held: Run, *, now: datetime) -> str:
    """The run is over: `done` or `incomplete`. A corp whose first runs are all over is live."""
    row = fetch_one(
        connection,
        "update sync_run set state = case when incomplete = '[]' then 'done' else 'incomplete' end, "
        "finished_at = :now, lease_until = null, last_error = null "
        "where tenant_id = :tenant_id and id = :id and fence = :fence returning state",
        now=now,
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )
    _forget_run(connection, held)
    if held.kind == "bootstrap":
        _go_live(connection, held.tenant_id, now=now)
    assert row is not None  # the caller holds the run
    return str(row["state"])


def fail(connection: Connection, held: Run, *, why: str, now: datetime) -> None:
    """The run is given up; a first sync and a bulk job never are."""
    run(
        connection,
        "update sync_run set state = 'failed', finished_at = :now, lease_until = null, last_error = :why "
        "where tenant_id = :tenant_id and id = :id and fence = :fence",
        why=why,
        now=now,
        tenant_id=held.tenant_id,
        id=held.id,
        fence=held.fence,
    )
    _forget_run(connection, held)


def _forget_run(connection: Connection, held: Run) -> None:
    for table in ("sync_seen", "sync_absence"):
        run(
            connection,
            f"delete from {table} where tenant_id = :tenant_id and run_id = :id",  # noqa: S608 - constants above
            tenant_id=held.tenant_id,
            id=held.id,
        )


def _go_live(connection: Connection, tenant_id: TenantId, *, now: datetime) -> None:
    # One after the other: of two that end at once, each would see the other one's run still open.
    run(connection, "select from tenant where id = :id for no key update", id=tenant_id)
    run(
        connection,
        "update tenant set state = 'live', live_at = :now where id = :id and state = 'bootstrap' "
        "and not exists (select from sync_run r where r.tenant_id = tenant.id and r.kind = 'bootstrap' "
        "and r.state in ('walking', 'settling'))",
        now=now,
        id=tenant_id,
    )


def cancel_runs(connection: Connection, tenant_id: TenantId, *, resources: Collection[str], now: datetime) -> int:
    """Stop open resyncs where they are; what they have recorded stays. The number stopped."""
    cancelled = fetch_all(
        connection,
        "update sync_run q set state = 'cancelled', finished_at = :now, lease_until = null "  # noqa: S608 - a constant
        "where tenant_id = :tenant_id and state in ('walking', 'settling') and kind = 'resync' "
        f"and resource = any(:resources) returning {RUN}",
        tenant_id=tenant_id,
        resources=list(resources),
        now=now,
    )
    for row in cancelled:
        _forget_run(connection, read_run(row))
    return len(cancelled)


def load_progress(connection: Connection) -> Sequence[Row]:
    """One row per tenant: corp_id, name, state, rows walked, blocks done and in all, last_error; of the latest run."""
    return fetch_all(
        connection,
        "select t.id, t.corp_id, t.subject, t.name, t.state, r.state as run_state, r.last_error, "
        "coalesce(sum(b.rows), 0) as rows, count(b.*) filter (where b.done) as blocks_done, count(b.*) as blocks "
        "from tenant t left join lateral (select * from sync_run where tenant_id = t.id "
        "and resource = 'external_contact' and kind <> 'departure' order by id desc limit 1) r "
        "on true left join sync_block b on b.tenant_id = r.tenant_id and b.run_id = r.id "
        "group by t.id, r.state, r.last_error order by t.id",
    )


def load_runs(connection: Connection, tenant_id: TenantId, ids: Sequence[int] | None = None) -> Sequence[Row]:
    """Runs with their progress, newest first, the given ones or the latest 50: id, kind, resource, scope, state,
    phase, asked_by, started_at, finished_at, rows, blocks_done, blocks, waiting (open requests), notes, incomplete,
    error."""
    return fetch_all(
        connection,
        "select r.id, r.kind, r.resource, r.scope, r.state, r.phase, r.asked_by, r.started_at, r.finished_at, r.notes, "
        "r.incomplete, coalesce(r.last_error, b.error) as error, coalesce(b.rows, 0) as rows, "
        "coalesce(b.blocks_done, 0) as blocks_done, coalesce(b.blocks, 0) as blocks, "
        "case when r.finished_at is null then (select count(*) from request q where q.tenant_id = r.tenant_id "
        "and q.caused_by = 'run:' || r.id and q.generation > q.settled_generation and q.dead_at is null) "
        "else 0 end as waiting from sync_run r left join lateral (select sum(rows) as rows, "
        "count(*) filter (where done) as blocks_done, count(*) as blocks, "
        "max(last_error) filter (where not done) as error "
        "from sync_block b where b.tenant_id = r.tenant_id and b.run_id = r.id) b on true "
        "where r.tenant_id = :tenant_id and (cast(:ids as bigint[]) is null or r.id = any(:ids)) "
        "order by r.id desc limit 50",
        tenant_id=tenant_id,
        ids=None if ids is None else list(ids),
    )
