"""Rows of segments and pages of their members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services.segments.model import Kind, NoSegmentError, Segment, SegmentRefusedError, State
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

FILTER = "segment.filter"
LIVING = "tenant_id = :tenant_id and deleted_at is null"
SHOWN = (
    "id, name, category, kind, filter, state, member_count, refreshed_at, wanted_at, problem, created_at, created_by"
)


def load_segments(connection: Connection, tenant: Tenant) -> list[Segment]:
    """All that live, by name."""
    rows = fetch_all(
        connection,
        f"select {SHOWN} from segment where {LIVING} order by name, id",  # noqa: S608 - constants
        tenant_id=tenant.id,
    )
    return [_segment(tenant, row) for row in rows]


def load_segment(connection: Connection, tenant: Tenant, segment_id: int, *, lock: bool = False) -> Segment:
    """
    Raises:
        NoSegmentError
    """
    row = fetch_one(
        connection,
        f"select {SHOWN} from segment where {LIVING} and id = :id {'for update' if lock else ''}",  # noqa: S608 - constants
        tenant_id=tenant.id,
        id=segment_id,
    )
    if row is None:
        raise NoSegmentError("there is no such segment")
    return _segment(tenant, row)


def _segment(tenant: Tenant, row: Row) -> Segment:
    given = orjson.loads(tenant.cipher.decrypt(row["filter"], FILTER))
    return Segment(**dict(row) | {"filter": given, "kind": Kind(row["kind"]), "state": State(row["state"])})


def record_segment(
    connection: Connection,
    tenant: Tenant,
    *,
    name: str,
    category: str | None,
    kind: Kind,
    given: Any,
    by: str,
    now: datetime,
) -> int:
    """The id of a new segment, whose members are wanted. `given` None: it is filled by hand, and empty.

    Raises:
        SegmentRefusedError: the name is taken.
    """
    row = _unless_taken(
        connection,
        "insert into segment (tenant_id, name, category, kind, filter, created_at, created_by, wanted_at, wanted_by, "
        "refreshed_at, by_hand) values (:tenant_id, :name, :category, :kind, :filter, :now, :by, :wanted_at, :by, "
        ":refreshed_at, :by_hand) returning id",
        tenant_id=tenant.id,
        name=name,
        category=category,
        kind=kind.value,
        filter=tenant.cipher.encrypt(orjson.dumps(given), FILTER),
        by=by,
        now=now,
        wanted_at=None if given is None else now,
        refreshed_at=now if given is None else None,
        by_hand=given is None,
    )
    return int(row["id"])


def record_segment_edit(connection: Connection, tenant: Tenant, segment: Segment) -> None:
    """
    Raises:
        SegmentRefusedError: the name is taken.
    """
    _unless_taken(
        connection,
        "update segment set name = :name, category = :category, filter = :filter, state = :state "
        "where tenant_id = :tenant_id and id = :id returning id",
        tenant_id=tenant.id,
        id=segment.id,
        name=segment.name,
        category=segment.category,
        filter=tenant.cipher.encrypt(orjson.dumps(segment.filter), FILTER),
        state=segment.state.value,
    )


def _unless_taken(connection: Connection, sql: str, **parameters: object) -> Mapping[Any, Any]:
    try:
        with connection.begin_nested():
            row = fetch_one(connection, sql, **parameters)
    except IntegrityError:
        raise SegmentRefusedError("another segment has this name already") from None
    assert row is not None
    return row


def want_refresh(connection: Connection, tenant_id: TenantId, segment_id: int, *, by: str, now: datetime) -> None:
    """A worker refreshes it soon; wanted twice before that is refreshed once."""
    run(
        connection,
        f"update segment set wanted_at = coalesce(wanted_at, :now), wanted_by = :by where {LIVING} and id = :id",  # noqa: S608
        tenant_id=tenant_id,
        id=segment_id,
        by=by,
        now=now,
    )


def want_daily(connection: Connection, tenant_id: TenantId, *, by: str, now: datetime) -> int:
    """Every dynamic segment that is not stopped, and those filled by hand, of which merges and deletions take people
    without a word (SEG-1); their number.
    """
    return run(
        connection,
        f"update segment set wanted_at = :now, wanted_by = :by where {LIVING} and (kind = 'dynamic' or by_hand) "  # noqa: S608
        "and state = 'running' and wanted_at is null",
        tenant_id=tenant_id,
        by=by,
        now=now,
    )


def record_deleted(connection: Connection, tenant_id: TenantId, segment_id: int, *, now: datetime) -> None:
    """Nobody finds it any more; a worker removes its members."""
    run(
        connection,
        f"update segment set deleted_at = :now, wanted_at = null where {LIVING} and id = :id",  # noqa: S608
        tenant_id=tenant_id,
        id=segment_id,
        now=now,
    )


@dataclass(frozen=True)
class Member:
    customer_id: CustomerId
    since: datetime


def load_members(
    connection: Connection, tenant_id: TenantId, segment_id: int, *, after: int, limit: int
) -> Sequence[Member]:
    """The next members who have a card, which the caller may see, by id."""
    rows = fetch_all(
        connection,
        "select m.customer_id, m.since from segment_member m join customer_card k using (tenant_id, customer_id) "
        "where m.tenant_id = :tenant_id and m.segment_id = :id and m.customer_id > :after "
        "order by m.customer_id limit :limit",
        tenant_id=tenant_id,
        id=segment_id,
        after=after,
        limit=limit,
    )
    return [Member(CustomerId(row["customer_id"]), row["since"]) for row in rows]
