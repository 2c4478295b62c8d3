"""Claims of due requests: which corps have any, and leases of so many subjects of each.

Nothing here looks at all due rows: a corp with a million of them costs what a corp with one costs.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all
from shared.ids import TenantId
from shared.requests import Leased, Subject, lock

OPEN = "q.generation > q.settled_generation and q.dead_at is null"
"""The condition of the index `request_due_of_tenant` (tenant_id, lane, next_try_at)."""
DUE = f"{OPEN} and q.next_try_at <= :now and (q.lease_until is null or q.lease_until < :now)"
LANES = "(values (0), (1), (2)) as lanes(lane)"
"""Named one by one: within a lane the index ends a scan at the first row that is not due yet."""


def due_tenants(connection: Connection, *, now: datetime) -> list[TenantId]:
    """Tenants with at least one due subject that nobody holds, in ascending order; a few index probes for each."""
    rows = fetch_all(
        connection,
        # The recursion steps from one tenant to the next over the index (a loose scan).
        "with recursive open(tenant_id) as ("  # noqa: S608 - constants
        f"(select q.tenant_id from request q where {OPEN} order by q.tenant_id limit 1) union all "
        f"select (select q.tenant_id from request q where {OPEN} and q.tenant_id > open.tenant_id "
        "order by q.tenant_id limit 1) from open where open.tenant_id is not null) "
        f"select tenant_id from open where exists (select from {LANES} cross join lateral (select from request q "
        f"where {DUE} and q.tenant_id = open.tenant_id and q.lane = lanes.lane limit 1) as due) order by tenant_id",
        now=now,
    )
    return [TenantId(row["tenant_id"]) for row in rows]


def lease(
    connection: Connection, shares: Mapping[TenantId, int], *, now: datetime, lease_s: float
) -> dict[TenantId, list[Leased]]:
    """Take the most urgent due subjects that nobody holds, for `lease_s` seconds: at most `shares` of each tenant.

    Each tenant's come in the order of lane and age; tenants with nothing due are left out.
    """
    rows = fetch_all(
        connection,
        "update request q set lease_until = :until, fence = q.fence + 1 from ("  # noqa: S608 - constants
        " select taken.* from jsonb_to_recordset(cast(:shares as jsonb)) as s(tenant_id int, most int)"
        " cross join lateral ("
        "  select due.tenant_id, due.subject_kind, due.subject_key"
        f"  from {LANES} cross join lateral ("
        "   select q.tenant_id, q.subject_kind, q.subject_key, q.lane, q.next_try_at from request q"
        f"   where {DUE} and q.tenant_id = s.tenant_id and q.lane = lanes.lane"
        "   order by q.next_try_at limit s.most for update skip locked) as due"
        "  order by due.lane, due.next_try_at limit s.most) as taken) as mine "
        "where (q.tenant_id, q.subject_kind, q.subject_key) = (mine.tenant_id, mine.subject_kind, mine.subject_key) "
        "returning q.tenant_id, q.subject_kind, q.subject_key, q.generation, q.fence, q.attempts, q.lane, q.cause, "
        "q.caused_by, q.first_due_at, q.next_try_at",
        until=now + timedelta(seconds=lease_s),
        now=now,
        shares=as_json([{"tenant_id": tenant_id, "most": most} for tenant_id, most in shares.items()]),
    )
    wanted = _with_intents(connection, rows)
    taken: dict[TenantId, list[Leased]] = {}
    for row in sorted(rows, key=lambda row: (row["lane"], row["next_try_at"])):
        writes = (row["tenant_id"], row["subject_kind"], row["subject_key"]) in wanted
        taken.setdefault(TenantId(row["tenant_id"]), []).append(_leased(row, writes=writes))
    return taken


def borrow(
    connection: Connection, subjects: Sequence[Subject], *, cause: str, now: datetime, lease_s: float
) -> list[Leased]:
    """Lease these subjects, due or not, for somebody who looks at many at once; those that nobody else has.

    Locks them as `requests.hold` does. `requests.give_back` ends the leases; what became due meanwhile stays so.
    """
    lock(connection, subjects)
    rows = fetch_all(
        connection,
        "insert into request as q (tenant_id, subject_kind, subject_key, generation, cause, first_due_at, next_try_at, "
        "lease_until, fence) select tenant_id, kind, key, 0, :cause, :now, :now, :until, 1 "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(tenant_id int, kind text, key text) "
        "on conflict (tenant_id, subject_kind, subject_key) do update set lease_until = :until, fence = q.fence + 1 "
        "where q.lease_until is null or q.lease_until < :now "
        "returning q.tenant_id, q.subject_kind, q.subject_key, q.generation, q.fence, q.attempts, q.lane, q.cause, "
        "q.caused_by, q.first_due_at",
        cause=cause,
        now=now,
        until=now + timedelta(seconds=lease_s),
        rows=as_json([{"tenant_id": s.tenant_id, "kind": s.kind, "key": s.key} for s in sorted(subjects)]),
    )
    return [_leased(row, writes=True) for row in rows]


def _with_intents(connection: Connection, rows: Sequence[Row]) -> set[tuple[int, str, str]]:
    """Those of which something is wanted in WeCom. A statement of its own: the one that leased them sees the newest
    generation of a request, and not the intent that was committed with it.
    """
    if not rows:
        return set()
    found = fetch_all(
        connection,
        "select distinct i.tenant_id, i.subject_kind, i.subject_key from intent i join jsonb_to_recordset("
        "cast(:rows as jsonb)) as r(tenant_id int, kind text, key text) on (i.tenant_id, i.subject_kind, "
        "i.subject_key) = (r.tenant_id, r.kind, r.key) where i.state in ('pending', 'sent')",
        rows=as_json([{"tenant_id": r["tenant_id"], "kind": r["subject_kind"], "key": r["subject_key"]} for r in rows]),
    )
    return {(row["tenant_id"], row["subject_kind"], row["subject_key"]) for row in found}


def _leased(row: Row, *, writes: bool) -> Leased:
    return Leased(
        subject=Subject(TenantId(row["tenant_id"]), row["subject_kind"], row["subject_key"]),
        generation=row["generation"],
        fence=row["fence"],
        attempts=row["attempts"],
        lane=row["lane"],
        cause=row["cause"],
        caused_by=row["caused_by"],
        first_due_at=row["first_due_at"],
        writes=writes,
    )
