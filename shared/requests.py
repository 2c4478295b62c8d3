"""Requests: one row per subject that must be looked at, with a generation, a fenced lease and its retries.

An event adds one to `generation`; a run settles the generation it started from, so an event that arrives during a run
is never lost. A lease gives a fence number that grows with every lease: a commit must show the newest one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import TenantId

OPERATOR, EVENTS, BACKFILL = 0, 1, 2
"""Lanes: a lower one is taken first."""


@dataclass(frozen=True, order=True)
class Subject:
    """What one worker at a time looks after: kind (external_contact, associate, outlet ...) and its vendor id."""

    tenant_id: TenantId
    kind: str
    key: str


@dataclass(frozen=True)
class Wanted:
    """A wish that a subject be looked at; `cause` as in facts, `caused_by` names the inbox row, person or rule."""

    subject: Subject
    lane: int
    cause: str
    caused_by: str | None = None


@dataclass(frozen=True)
class Leased:
    subject: Subject
    generation: int
    fence: int
    attempts: int
    lane: int
    cause: str
    caused_by: str | None
    first_due_at: datetime
    writes: bool = False
    """Whether something is wanted of it in WeCom (an open intent)."""


def want(connection: Connection, wishes: Iterable[Wanted], *, now: datetime, at: datetime | None = None) -> int:
    """Mark subjects as due, one generation each, however many wishes name them; the number of subjects.

    `at`: when they are to be looked at, should nobody want it sooner; None: now.
    """
    latest = {wish.subject: wish for wish in wishes}
    if not latest:
        return 0
    rows = [
        {
            "tenant_id": s.tenant_id,
            "subject_kind": s.kind,
            "subject_key": s.key,
            "lane": latest[s].lane,
            "cause": latest[s].cause,
            "caused_by": latest[s].caused_by,
        }
        for s in sorted(latest)  # one order for everybody: no deadlocks
    ]
    return run(
        connection,
        "insert into request as q (tenant_id, subject_kind, subject_key, lane, cause, caused_by, first_due_at, "
        "next_try_at) select tenant_id, subject_kind, subject_key, lane, cause, caused_by, :now, :at "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, subject_kind text, subject_key text, "
        "lane smallint, cause text, caused_by text) "
        "on conflict (tenant_id, subject_kind, subject_key) do update set generation = q.generation + 1, "
        "lane = case when q.generation > q.settled_generation then least(q.lane, excluded.lane) "
        "else excluded.lane end, "
        "first_due_at = case when q.generation > q.settled_generation then q.first_due_at else :now end, "
        # What waits for an event or a person is not made quiet by a walk that comes by.
        "cause = case when q.generation > q.settled_generation and excluded.cause in ('bootstrap', 'resync') "
        "then q.cause else excluded.cause end, "
        "caused_by = case when q.generation > q.settled_generation and excluded.cause in ('bootstrap', 'resync') "
        "then q.caused_by else excluded.caused_by end, next_try_at = :at, attempts = 0, dead_at = null",
        rows=as_json(rows),
        now=now,
        at=at or now,
    )


def hold(connection: Connection, leased: Sequence[Leased]) -> list[Leased]:
    """Those whose lease is still the newest, locked until this transaction ends; the others lost theirs to somebody."""
    lock(connection, [one.subject for one in leased])
    held = fetch_all(
        connection,
        "select q.tenant_id, q.subject_kind, q.subject_key from request q "
        "join jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, kind text, key text, fence bigint) "
        "on (q.tenant_id, q.subject_kind, q.subject_key, q.fence) = (r.tenant_id, r.kind, r.key, r.fence) "
        "order by q.tenant_id, q.subject_kind, q.subject_key for update of q",
        rows=_json(leased),
    )
    subjects = {Subject(TenantId(r["tenant_id"]), r["subject_kind"], r["subject_key"]) for r in held}
    return [one for one in leased if one.subject in subjects]


def prolong(connection: Connection, leased: Leased, *, until: datetime) -> bool:
    """Keep a lease until then, should it still be the newest one; else False. Locks its row."""
    if not hold(connection, [leased]):
        return False
    run(
        connection,
        "update request set lease_until = greatest(lease_until, :until) where (tenant_id, subject_kind, subject_key) = "
        "(:tenant_id, :kind, :key)",
        tenant_id=leased.subject.tenant_id,
        kind=leased.subject.kind,
        key=leased.subject.key,
        until=until,
    )
    return True


def lock(connection: Connection, subjects: Iterable[Subject]) -> None:
    """Lock these subjects until this transaction ends, whether they have rows or not: what is planned from the rows of
    one is written before anybody else plans. To be called before any of their rows is locked.
    """
    fetch_all(
        connection,
        "select pg_advisory_xact_lock(k) from (select distinct hashtextextended(s, 0) as k "
        "from unnest(cast(:subjects as text[])) as s order by 1) in_one_order",
        subjects=[f"{one.tenant_id}/{one.kind}/{one.key}" for one in subjects],
    )


def settle(connection: Connection, leased: Sequence[Leased], *, now: datetime) -> None:
    """The generation that each run started from is done; what arrived meanwhile stays due."""
    run(
        connection,
        "update request q set settled_generation = r.generation, lease_until = null, attempts = 0, last_error = null, "
        "settled_at = :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, kind text, key text, fence bigint, "
        "generation bigint) where (q.tenant_id, q.subject_kind, q.subject_key, q.fence) = "
        "(r.tenant_id, r.kind, r.key, r.fence)",
        now=now,
        rows=_json(leased),
    )


def give_back(connection: Connection, leased: Sequence[Leased], *, looked_at: datetime | None = None) -> None:
    """End leases; those that somebody else has taken meanwhile stay theirs. What is due stays due.

    `looked_at`: the subjects were looked at, so whoever has read them before knows less.
    """
    held = hold(connection, leased) if leased else []
    if held:
        run(
            connection,
            "update request q set lease_until = null, settled_at = coalesce(cast(:looked_at as timestamptz), "
            "q.settled_at) from jsonb_to_recordset(cast(:rows as jsonb)) as "
            "r(tenant_id int, kind text, key text) where (q.tenant_id, q.subject_kind, q.subject_key) = "
            "(r.tenant_id, r.kind, r.key)",
            looked_at=looked_at,
            rows=_json(held),
        )


@dataclass(frozen=True)
class Wait:
    """A leased subject that stays due, but not before `at`."""

    leased: Leased
    at: datetime
    reason: str


def look_again(connection: Connection, waits: Sequence[Wait]) -> None:
    """Keep the subjects due for later; unlike a retry this is no failure."""
    _postpone(connection, waits, failed=0)


def retry(connection: Connection, waits: Sequence[Wait]) -> None:
    """The runs failed; the next may start at `at`."""
    _postpone(connection, waits, failed=1)


def _postpone(connection: Connection, waits: Sequence[Wait], *, failed: int) -> None:
    if not waits:
        return
    run(
        connection,
        # A wish that arrived during the run (a newer generation) is looked at right away, not after the wait.
        "update request q set lease_until = null, attempts = q.attempts + :failed, last_error = r.reason, "
        "next_try_at = case when q.generation > r.generation then q.next_try_at else r.at end "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, kind text, key text, fence bigint, "
        "generation bigint, at timestamptz, reason text) where (q.tenant_id, q.subject_kind, q.subject_key, q.fence) = "
        "(r.tenant_id, r.kind, r.key, r.fence)",
        failed=failed,
        rows=as_json([_row(wait.leased) | {"at": wait.at, "reason": wait.reason[:500]} for wait in waits]),
    )


def bury(connection: Connection, leased: Leased, *, now: datetime, reason: str) -> None:
    """A dead letter: nobody tries again until a person or a new event asks for it.

    A wish that arrived during the run is such an event: the subject stays due.
    """
    run(
        connection,
        "update request set lease_until = null, last_error = :reason, attempts = attempts + 1, "
        "dead_at = case when generation > :generation then null else cast(:now as timestamptz) end "
        "where (tenant_id, subject_kind, subject_key, fence) = (:tenant_id, :kind, :key, :fence)",
        now=now,
        reason=reason[:2000],
        tenant_id=leased.subject.tenant_id,
        kind=leased.subject.kind,
        key=leased.subject.key,
        fence=leased.fence,
        generation=leased.generation,
    )


def next_due(connection: Connection) -> datetime | None:
    """When the earliest open request may be tried; None when all are settled."""
    row = fetch_one(
        connection,
        "select min(greatest(next_try_at, coalesce(lease_until, next_try_at))) as at from request "
        "where generation > settled_generation and dead_at is null",
    )
    return row["at"] if row else None


@dataclass(frozen=True)
class Progress:
    """How far a subject's request is; `attempts` counts failures since the last success."""

    generation: int
    settled_generation: int
    attempts: int
    dead: bool
    last_error: str | None


def load_progress(connection: Connection, subject: Subject) -> Progress | None:
    """None: nobody ever wanted it."""
    row = fetch_one(
        connection,
        "select generation, settled_generation, attempts, dead_at is not null as dead, last_error from request "
        "where (tenant_id, subject_kind, subject_key) = (:tenant_id, :kind, :key)",
        tenant_id=subject.tenant_id,
        kind=subject.kind,
        key=subject.key,
    )
    return Progress(**row) if row else None


def _json(leased: Sequence[Leased]) -> str:
    return as_json([_row(one) for one in leased])


def _row(leased: Leased) -> dict[str, object]:
    return {
        "tenant_id": leased.subject.tenant_id,
        "kind": leased.subject.kind,
        "key": leased.subject.key,
        "fence": leased.fence,
        "generation": leased.generation,
    }
