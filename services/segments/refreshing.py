"""Makes the members of a segment what its filter finds: one statement, of differences only (SEG-1).

A refresh is one transaction. Whoever is killed has changed nothing, and the next one does it all. Two at once take
turns at the segment's row.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from services.finding.compile import compiled
from services.finding.giving import Context
from services.finding.model import Filter, FilterError
from services.finding.store import read_filter
from services.segments.by_hand import count_by_hand
from services.segments.model import Segment, SegmentRefreshed
from services.segments.store import LIVING, load_segment
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

DELETE_PAGE = 50_000
# A full join is hashed or merged, never looped: of a segment that is new, or has just been filled, statistics know
# nothing, and with a guess of one member a loop would compare a million with a million. Rows are then taken by place.
DIFFER = """
with chosen as materialized ({chosen}),
differ as materialized (
  select c.customer_id as new_id, m.place from chosen c
  full join (select customer_id, ctid as place from segment_member where tenant_id = :tenant_id
    and segment_id = :segment_id) m on m.customer_id = c.customer_id
  where c.customer_id is null or m.customer_id is null),
gone as (
  delete from segment_member where ctid = any(array(select place from differ where new_id is null)) returning 1),
come as (
  insert into segment_member (tenant_id, segment_id, customer_id, since)
  select :tenant_id, :segment_id, new_id, :now from differ where place is null order by new_id returning 1)
select (select count(*) from chosen) as members, (select count(*) from gone) as gone,
  (select count(*) from come) as come
"""
log = structlog.get_logger()


def next_wanted(connection: Connection, tenant: Tenant, *, reads: Callable[[Filter], set[str]]) -> Segment | None:
    """A segment whose members are wanted; those that it asks for itself come first. `reads`: nodes `segment:ID`."""
    rows = fetch_all(
        connection,
        f"select id from segment where {LIVING} and wanted_at is not null order by wanted_at, id",  # noqa: S608
        tenant_id=tenant.id,
    )
    wanted = {row["id"] for row in rows}
    for row in rows:
        one = load_segment(connection, tenant, row["id"])
        if one.by_hand:
            return one
        try:
            asked = reads(read_filter(connection, tenant, one.filter))
        except FilterError:
            asked = set()
        if not asked & {f"segment:{other}" for other in wanted - {one.id}}:
            return one
    return None


def refresh(connection: Connection, tenant: Tenant, segment_id: int, context: Context) -> SegmentRefreshed | None:
    """None: it is gone, nobody wants it any more, or its filter cannot be read, which is noted beside it.

    Raises:
        NoSegmentError: it was deleted meanwhile.
    """
    segment = load_segment(connection, tenant, segment_id, lock=True)
    if segment.wanted_at is None:
        return None
    if segment.by_hand:
        return count_by_hand(connection, tenant.id, segment_id, now=context.now)
    try:
        chosen = compiled(read_filter(connection, tenant, segment.filter), context)
    except FilterError as error:
        _note(connection, tenant.id, segment_id, problem=f"its filter cannot be read: {error}", at=None, count=None)
        return None
    row = fetch_one(
        connection,
        DIFFER.format(chosen=chosen.sql),
        tenant_id=tenant.id,
        segment_id=segment_id,
        now=context.now,
        **chosen.parameters,
    )
    assert row is not None
    _note(connection, tenant.id, segment_id, problem=None, at=context.now, count=row["members"])
    return SegmentRefreshed(
        occurred_at=context.now,
        segment_id=segment_id,
        member_count=row["members"],
        joined_count=row["come"],
        left_count=row["gone"],
    )


def note_failure(connection: Connection, tenant_id: TenantId, segment_id: int) -> None:
    """It could not be refreshed, whatever the reason: its members stay, and others have their turn."""
    why = "it could not be refreshed; the log of the worker says why"
    _note(connection, tenant_id, segment_id, problem=why, at=None, count=None)


def _note(
    connection: Connection,
    tenant_id: TenantId,
    segment_id: int,
    *,
    problem: str | None,
    at: datetime | None,
    count: int | None,
) -> None:
    run(
        connection,
        "update segment set wanted_at = null, problem = :problem, refreshed_at = coalesce(:at, refreshed_at), "
        "member_count = coalesce(:count, member_count) where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=segment_id,
        problem=problem,
        at=at,
        count=count,
    )


def tenants_with_work(connection: Connection) -> list[TenantId]:
    """Corps with a segment that is wanted, or deleted and not yet emptied."""
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from segment s where s.tenant_id = t.id "
        "and s.wanted_at is not null and s.deleted_at is null) or exists (select from segment s "
        "where s.tenant_id = t.id and s.deleted_at is not null and exists (select from segment_member m "
        "where m.tenant_id = s.tenant_id and m.segment_id = s.id)) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def empty_deleted(connection: Connection, tenant_id: TenantId, *, limit: int = DELETE_PAGE) -> int:
    """Remove the next members of deleted segments; how many."""
    return run(
        connection,
        "delete from segment_member m using (select m.segment_id, m.customer_id from segment s "
        "join segment_member m on m.tenant_id = s.tenant_id and m.segment_id = s.id where s.tenant_id = :tenant_id "
        "and s.deleted_at is not null limit :limit) d where m.tenant_id = :tenant_id "
        "and m.segment_id = d.segment_id and m.customer_id = d.customer_id",
        tenant_id=tenant_id,
        limit=limit,
    )
