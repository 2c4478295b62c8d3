"""Rows of lines and stages. Who changes them holds the lock of rules (services/rules/book.lock_rules)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.stages.model import Line, NoStageError, Stage
from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

FILTER = "stage.filter"


def load_lines(connection: Connection, tenant: Tenant) -> list[Line]:
    """All that live, with their stages, in order."""
    rows = fetch_all(
        connection,
        "select l.id, l.name, l.position, s.id as stage_id, s.name as stage_name, s.position as stage_position, "
        "s.automatic, s.filter from stage_line l left join stage s on s.tenant_id = l.tenant_id and s.line_id = l.id "
        "and s.deleted_at is null where l.tenant_id = :tenant_id and l.deleted_at is null "
        "order by l.position, l.id, s.position, s.id",
        tenant_id=tenant.id,
    )
    lines: dict[int, Line] = {}
    for row in rows:
        line = lines.get(row["id"]) or Line(row["id"], row["name"], row["position"])
        if row["stage_id"] is not None:
            given = orjson.loads(tenant.cipher.decrypt(row["filter"], FILTER)) if row["filter"] else None
            one = Stage(row["stage_id"], line.id, row["stage_name"], row["stage_position"], row["automatic"], given)
            line = Line(line.id, line.name, line.position, (*line.stages, one))
        lines[line.id] = line
    return list(lines.values())


def find_line(lines: Sequence[Line], line_id: int) -> Line:
    """
    Raises:
        NoStageError
    """
    found = next((one for one in lines if one.id == line_id), None)
    if found is None:
        raise NoStageError("there is no such line of stages")
    return found


def find_stage(lines: Sequence[Line], stage_id: int) -> Stage:
    """
    Raises:
        NoStageError
    """
    found = next((stage for one in lines for stage in one.stages if stage.id == stage_id), None)
    if found is None:
        raise NoStageError("there is no such stage")
    return found


def record_line(connection: Connection, tenant_id: TenantId, name: str, *, now: datetime) -> int:
    """The id of a new line, after the others."""
    row = fetch_one(
        connection,
        "insert into stage_line (tenant_id, name, position, created_at) select :tenant_id, :name, "
        "coalesce(max(position), 0) + 1, :now from stage_line where tenant_id = :tenant_id and deleted_at is null "
        "returning id",
        tenant_id=tenant_id,
        name=name,
        now=now,
    )
    assert row is not None
    return int(row["id"])


def record_line_edit(
    connection: Connection, tenant_id: TenantId, line_id: int, *, name: str, deleted_at: datetime | None = None
) -> None:
    run(
        connection,
        "update stage_line set name = :name, deleted_at = :deleted_at where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=line_id,
        name=name,
        deleted_at=deleted_at,
    )


def record_stage(
    connection: Connection, tenant: Tenant, line_id: int, name: str, *, automatic: bool, given: Any, now: datetime
) -> int:
    """The id of a new stage, after the others of its line. `given`: the filter as JSON, or None."""
    row = fetch_one(
        connection,
        "insert into stage (tenant_id, line_id, name, position, automatic, filter, created_at) select :tenant_id, "
        ":line_id, :name, coalesce(max(position), 0) + 1, :automatic, :filter, :now from stage "
        "where tenant_id = :tenant_id and line_id = :line_id and deleted_at is null returning id",
        tenant_id=tenant.id,
        line_id=line_id,
        name=name,
        automatic=automatic,
        filter=_sealed(tenant, given),
        now=now,
    )
    assert row is not None
    return int(row["id"])


def record_stage_edit(connection: Connection, tenant: Tenant, stage: Stage) -> None:
    run(
        connection,
        "update stage set name = :name, automatic = :automatic, filter = :filter "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=stage.id,
        name=stage.name,
        automatic=stage.automatic,
        filter=_sealed(tenant, stage.filter),
    )


def _sealed(tenant: Tenant, given: Any) -> bytes | None:
    return None if given is None else tenant.cipher.encrypt(orjson.dumps(given), FILTER)


def record_stage_deleted(connection: Connection, tenant_id: TenantId, stage_id: int, *, now: datetime) -> int:
    """Delete it unless somebody is in it; how many are. Waits for whoever moves somebody there just now."""
    fetch_one(
        connection,
        "select from stage where tenant_id = :tenant_id and id = :id for update",
        tenant_id=tenant_id,
        id=stage_id,
    )
    row = fetch_one(
        connection,
        "select count(*) as n from customer_stage where tenant_id = :tenant_id and stage_id = :id",
        tenant_id=tenant_id,
        id=stage_id,
    )
    assert row is not None
    if not row["n"]:
        run(
            connection,
            "update stage set deleted_at = :now where tenant_id = :tenant_id and id = :id",
            tenant_id=tenant_id,
            id=stage_id,
            now=now,
        )
    return int(row["n"])


def record_stage_order(connection: Connection, tenant_id: TenantId, ids: Sequence[int]) -> None:
    """The stages of a line, all of them, in their new order."""
    run(
        connection,
        "update stage s set position = p.position from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as p(id bigint, position int) where s.tenant_id = :tenant_id and s.id = p.id",
        tenant_id=tenant_id,
        rows=as_json([{"id": one, "position": n} for n, one in enumerate(ids, start=1)]),
    )


def load_counts(connection: Connection, tenant_id: TenantId) -> dict[int, int]:
    """Stage -> how many are in it."""
    rows = fetch_all(
        connection,
        "select stage_id, count(*) as n from customer_stage where tenant_id = :tenant_id group by 1",
        tenant_id=tenant_id,
    )
    return {row["stage_id"]: row["n"] for row in rows}
