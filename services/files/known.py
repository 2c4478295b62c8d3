"""What a corp has that the rows of a file may name: tags, segments, associates, custom fields. Reads only."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from services.fields.store import load_fields
from services.files.rows import Known
from services.segments.store import load_segments
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId
from shared.tenants import Tenant


def load_known(connection: Connection, tenant: Tenant, *, region: str) -> Known:
    tenant_id = tenant.id
    fields = {one.key: one for one in load_fields(connection, tenant_id) if one.enabled}
    return Known(
        region,
        _tags(connection, tenant_id),
        _associates(connection, tenant_id),
        fields,
        _corp_tags(connection, tenant_id),
        _segments(connection, tenant),
    )


def _tags(connection: Connection, tenant_id: TenantId) -> dict[str, int | None]:
    rows = fetch_all(
        connection,
        "select t.id, t.name, g.name as group_name from local_tag t join local_tag_group g "
        "on g.tenant_id = t.tenant_id and g.id = t.group_id where t.tenant_id = :tenant_id and g.of = 'customer' "
        "and t.kind = 'manual' and t.deleted_at is null and g.deleted_at is null order by t.id",
        tenant_id=tenant_id,
    )
    return _in_groups(rows)


def _corp_tags(connection: Connection, tenant_id: TenantId) -> dict[str, str | None]:
    rows = fetch_all(
        connection,
        "select t.tag_id as id, t.name, g.name as group_name from tag t join tag_group g on g.tenant_id = t.tenant_id "
        "and g.group_id = t.group_id where t.tenant_id = :tenant_id and t.deleted_at is null "
        "and g.deleted_at is null order by t.tag_id",
        tenant_id=tenant_id,
    )
    return _in_groups(rows)


def _segments(connection: Connection, tenant: Tenant) -> dict[str, int | None]:
    """Names of segments are unique."""
    return {one.name: one.id for one in load_segments(connection, tenant) if one.by_hand}


def _in_groups(rows: Sequence[Row]) -> dict[str, Any]:
    """Name, or group/name, -> id; None: several groups have this name."""
    named = [(row["name"], row["id"]) for row in rows]
    return _unambiguous(named) | {f"{row['group_name']}/{row['name']}": row["id"] for row in rows}


def _associates(connection: Connection, tenant_id: TenantId) -> dict[str, str | None]:
    rows = fetch_all(
        connection,
        "select userid, name from associate where tenant_id = :tenant_id and gone_at is null",
        tenant_id=tenant_id,
    )
    named = [(row["name"], row["userid"]) for row in rows if row["name"]]
    return _unambiguous(named) | {row["userid"]: row["userid"] for row in rows}


def _unambiguous(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, id_ in named:
        found[name] = None if name in found else id_
    return found
