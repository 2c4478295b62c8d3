"""What a corp has that the rows of a file may name: local tags, associates, custom fields. Reads only."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from services.fields.store import load_fields
from services.files.rows import Known
from shared.db.engine import fetch_all
from shared.ids import TenantId


def load_known(connection: Connection, tenant_id: TenantId, *, region: str) -> Known:
    fields = {one.key: one for one in load_fields(connection, tenant_id) if one.enabled}
    return Known(region, _tags(connection, tenant_id), _associates(connection, tenant_id), fields)


def _tags(connection: Connection, tenant_id: TenantId) -> dict[str, int | None]:
    rows = fetch_all(
        connection,
        "select t.id, t.name, g.name as group_name from local_tag t join local_tag_group g "
        "on g.tenant_id = t.tenant_id and g.id = t.group_id where t.tenant_id = :tenant_id and g.of = 'customer' "
        "and t.kind = 'manual' and t.deleted_at is null and g.deleted_at is null order by t.id",
        tenant_id=tenant_id,
    )
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
