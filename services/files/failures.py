"""Rows of an import that failed: numbers, codes and names of fields, kept until the file of them is written."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.files.model import Failure
from shared.db.engine import as_json, fetch_all, run
from shared.ids import TenantId


def record_failures(connection: Connection, tenant_id: TenantId, job_id: int, failures: Sequence[Failure]) -> None:
    if failures:
        run(
            connection,
            "insert into import_failure (tenant_id, job_id, n, reasons) select :tenant_id, :job_id, n, reasons "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(n bigint, reasons jsonb)",
            tenant_id=tenant_id,
            job_id=job_id,
            rows=as_json([{"n": one.number, "reasons": one.reasons} for one in failures]),
        )


def load_failures(
    connection: Connection, tenant_id: TenantId, job_id: int, *, after: int, limit: int
) -> list[tuple[int, list[list[str | None]]]]:
    """Numbers of rows with their reasons (code, field), in their order."""
    rows = fetch_all(
        connection,
        "select n, reasons from import_failure where tenant_id = :tenant_id and job_id = :job_id and n > :after "
        "order by n limit :limit",
        tenant_id=tenant_id,
        job_id=job_id,
        after=after,
        limit=limit,
    )
    return [(row["n"], row["reasons"]) for row in rows]


def delete_failures(connection: Connection, tenant_id: TenantId, job_id: int) -> None:
    run(
        connection,
        "delete from import_failure where tenant_id = :tenant_id and job_id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
    )
