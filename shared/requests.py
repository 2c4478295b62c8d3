"""Requests: one row per subject that must be looked at, with a generation, a fenced lease and its retries.

An event adds one to `generation`; a run settles the generation it started from, so an event that arrives during a run
is never lost. A lease gives a fence number that grows with every lease: a commit must show the newest one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
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


def want(connection: Connection, wishes: Iterable[Wanted], *, now: datetime) -> int:
    """Mark subjects as due, one generation each, however many wishes name them; the number of subjects."""
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
        "next_try_at) select tenant_id, subject_kind, subject_key, lane, cause, caused_by, :now, :now "
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
        "then q.caused_by else excluded.caused_by end, next_try_at = :now, attempts = 0, dead_at = null",
        rows=as_json(rows),
        now=now,
    )


def lease(connection: Connection, *, limit: int, now: datetime, lease_s: float) -> list[Leased]:
    """Take the most urgent due subjects that nobody holds, for `lease_s` seconds."""
    rows = fetch_all(
        connection,
        "update request q set lease_until = :until, fence = q.fence + 1 from ("
        " select tenant_id, subject_kind, subject_key from request"
        " where generation > settled_generation and dead_at is null and next_try_at <= :now"
        " and (lease_until is null or lease_until < :now)"
        " order by lane, next_try_at limit :limit for update skip locked) due "
        "where (q.tenant_id, q.subject_kind, q.subject_key) = (due.tenant_id, due.subject_kind, due.subject_key) "
        "returning q.tenant_id, q.subject_kind, q.subject_key, q.generation, q.fence, q.attempts, q.lane, q.cause, "
        "q.caused_by, q.first_due_at",
        until=now + timedelta(seconds=lease_s),
        now=now,
        limit=limit,
    )
    return [_leased(row) for row in rows]


def _leased(row: Row) -> Leased:
    return Leased(
        subject=Subject(TenantId(row["tenant_id"]), row["subject_kind"], row["subject_key"]),
        generation=row["generation"],
        fence=row["fence"],
        attempts=row["attempts"],
        lane=row["lane"],
        cause=row["cause"],
        caused_by=row["caused_by"],
        first_due_at=row["first_due_at"],
    )


def hold(connection: Connection, leased: Sequence[Leased]) -> list[Leased]:
    """Those whose lease is still the newest, locked until this transaction ends; the others lost theirs to somebody."""
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


def lock(connection: Connection, subjects: Iterable[Subject]) -> None:
    """Lock the requests of these subjects, as far as they have one: no run commits for them until this one has."""
    rows = [{"tenant_id": s.tenant_id, "kind": s.kind, "key": s.key} for s in sorted(subjects)]
    fetch_all(
        connection,
        "select q.subject_key from request q "
        "join jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, kind text, key text) "
        "on (q.tenant_id, q.subject_kind, q.subject_key) = (r.tenant_id, r.kind, r.key) "
        "order by q.tenant_id, q.subject_kind, q.subject_key for update of q",
        rows=as_json(rows),
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


def give_back(connection: Connection, leased: Sequence[Leased]) -> None:
    """End leases that were not used; those that somebody else has taken meanwhile stay theirs."""
    if leased:
        run(
            connection,
            "update request q set lease_until = null from jsonb_to_recordset(cast(:rows as jsonb)) as "
            "r(tenant_id int, kind text, key text, fence bigint) where (q.tenant_id, q.subject_kind, q.subject_key, "
            "q.fence) = (r.tenant_id, r.kind, r.key, r.fence)",
            rows=_json(leased),
        )


def look_again(connection: Connection, leased: Leased, *, at: datetime, reason: str) -> None:
    """Keep the subject due, but not before `at`; unlike a retry this is no failure."""
    _postpone(connection, leased, at=at, reason=reason, failed=0)


def retry(connection: Connection, leased: Leased, *, at: datetime, reason: str) -> None:
    """The run failed; the next may start at `at`."""
    _postpone(connection, leased, at=at, reason=reason, failed=1)


def _postpone(connection: Connection, leased: Leased, *, at: datetime, reason: str, failed: int) -> None:
    # A wish that arrived during the run (a newer generation) is looked at right away, not after the wait.
    run(
        connection,
        "update request set lease_until = null, attempts = attempts + :failed, last_error = :reason, "
        "next_try_at = case when generation > :generation then next_try_at else :at end "
        "where (tenant_id, subject_kind, subject_key, fence) = (:tenant_id, :kind, :key, :fence)",
        failed=failed,
        reason=reason[:500],
        at=at,
        generation=leased.generation,
        tenant_id=leased.subject.tenant_id,
        kind=leased.subject.kind,
        key=leased.subject.key,
        fence=leased.fence,
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


def _json(leased: Sequence[Leased]) -> str:
    return as_json(
        [
            {
                "tenant_id": one.subject.tenant_id,
                "kind": one.subject.kind,
                "key": one.subject.key,
                "fence": one.fence,
                "generation": one.generation,
            }
            for one in leased
        ]
    )
