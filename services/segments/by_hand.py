"""Segments that people and imports fill: who is put in and taken out, many at once (CUS-6, SEG-1).

One order of locks: customers, then segments by id, then members. A change leaves the segment as wanted; a worker then
counts it, tells how many came and went, and has the rules that ask for it look: once for many changes.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from services.segments.model import NoSegmentError, Segment, SegmentRefreshed, SegmentRefusedError
from services.segments.store import LIVING, load_segment
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant


def lock_by_hand(connection: Connection, tenant: Tenant, segment_id: int) -> Segment:
    """Nobody deletes or counts it until the transaction ends.

    Raises:
        NoSegmentError
        SegmentRefusedError: a filter says who is in it.
    """
    segment = load_segment(connection, tenant, segment_id, lock=True)
    if not segment.by_hand:
        raise SegmentRefusedError("a filter says who is in this segment; only one without a filter is filled by hand")
    return segment


def put_in(
    connection: Connection, tenant_id: TenantId, members: Mapping[int, Iterable[CustomerId]], *, by: str, now: datetime
) -> dict[int, int]:
    """Segment -> customers, who are locked; segment -> how many are new in it. Segments that are gone get nobody."""
    pairs = sorted((segment, one) for segment, ids in members.items() for one in set(ids))
    if not pairs:
        return {}
    rows = fetch_all(
        connection,
        f"with living as (select id from segment where {LIVING} and id = any(:segments) order by id for update), "  # noqa: S608
        "come as (insert into segment_member (tenant_id, segment_id, customer_id, since) "
        "select :tenant_id, p.segment_id, p.customer_id, :now from unnest(cast(:ids as bigint[]), "
        "cast(:customers as bigint[])) as p(segment_id, customer_id) join living l on l.id = p.segment_id "
        "on conflict do nothing returning segment_id) "
        "select segment_id, count(*) as n from come group by 1 order by 1",
        tenant_id=tenant_id,
        segments=sorted(members),
        ids=[segment for segment, _ in pairs],
        customers=[one for _, one in pairs],
        now=now,
    )
    found = {row["segment_id"]: int(row["n"]) for row in rows}
    for segment_id, count in found.items():
        _note(connection, tenant_id, segment_id, put_in=count, by=by, now=now)
    return found


def take_out(
    connection: Connection,
    tenant_id: TenantId,
    segment_id: int,
    customer_ids: Iterable[CustomerId],
    *,
    by: str,
    now: datetime,
) -> int:
    """How many were in it. The caller holds the segment's row."""
    count = run(
        connection,
        "delete from segment_member where tenant_id = :tenant_id and segment_id = :id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        id=segment_id,
        ids=sorted(set(customer_ids)),
    )
    if count:
        _note(connection, tenant_id, segment_id, taken_out=count, by=by, now=now)
    return count


def _note(
    connection: Connection,
    tenant_id: TenantId,
    segment_id: int,
    *,
    put_in: int = 0,
    taken_out: int = 0,
    by: str,
    now: datetime,
) -> None:
    run(
        connection,
        "update segment set put_in_count = put_in_count + :put_in, "  # noqa: S608 - a constant
        "taken_out_count = taken_out_count + :taken_out, "
        "member_count = member_count + :put_in - :taken_out, wanted_at = coalesce(wanted_at, :now), wanted_by = :by "
        f"where {LIVING} and id = :id",
        tenant_id=tenant_id,
        id=segment_id,
        put_in=put_in,
        taken_out=taken_out,
        by=by,
        now=now,
    )


def count_by_hand(
    connection: Connection, tenant_id: TenantId, segment_id: int, *, now: datetime
) -> SegmentRefreshed | None:
    """Count its members anew (merges and deletions take some away, too), and say what was changed since the last time.

    None: nothing was. The caller holds the segment's row.
    """
    row = fetch_one(
        connection,
        "with was as (select put_in_count, taken_out_count, member_count from segment where tenant_id = :tenant_id "
        "and id = :id) "
        "update segment s set wanted_at = null, problem = null, refreshed_at = :now, put_in_count = 0, "
        "taken_out_count = 0, member_count = (select count(*) from segment_member m where m.tenant_id = :tenant_id "
        "and m.segment_id = :id) from was where s.tenant_id = :tenant_id and s.id = :id "
        "returning s.member_count, was.put_in_count, was.taken_out_count, was.member_count as was_count",
        tenant_id=tenant_id,
        id=segment_id,
        now=now,
    )
    if row is None:
        raise NoSegmentError("there is no such segment")
    if not row["put_in_count"] and not row["taken_out_count"] and row["member_count"] == row["was_count"]:
        return None
    return SegmentRefreshed(
        occurred_at=now,
        segment_id=segment_id,
        member_count=row["member_count"],
        joined_count=row["put_in_count"],
        left_count=row["taken_out_count"],
    )
