"""Writes facts, append-only, in the transaction of the rows they are about.

Readers never use "id greater than the last one seen" as a cursor: ids are given before commits, and commits come in
any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, run
from shared.ids import FactId, TenantId


@dataclass(frozen=True)
class FactRow:
    type: str
    version: int
    subject_kind: str
    subject_key: str
    occurred_at: datetime
    cause: str
    caused_by: str | None
    payload: Mapping[str, object]


def record_facts(
    connection: Connection, tenant_id: TenantId, facts: Sequence[FactRow], *, now: datetime
) -> list[FactId]:
    """The ids of the stored facts, in the order given."""
    if not facts:
        return []
    ids = [
        row["id"]
        for row in fetch_all(connection, "select nextval('fact_id_seq') id from generate_series(1, :n)", n=len(facts))
    ]
    rows = [
        {
            "id": id_,
            "type": fact.type,
            "version": fact.version,
            "subject_kind": fact.subject_kind,
            "subject_key": fact.subject_key,
            "occurred_at": fact.occurred_at,
            "cause": fact.cause,
            "caused_by": fact.caused_by,
            "payload": fact.payload,
        }
        for id_, fact in zip(ids, facts, strict=True)
    ]
    run(
        connection,
        "insert into fact (tenant_id, id, type, version, subject_kind, subject_key, occurred_at, recorded_at, cause, "
        "caused_by, payload) select :tenant_id, id, type, version, subject_kind, subject_key, occurred_at, :now, "
        "cause, caused_by, payload from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, type text, "
        "version smallint, subject_kind text, subject_key text, occurred_at timestamptz, cause text, caused_by text, "
        "payload jsonb)",
        tenant_id=tenant_id,
        now=now,
        rows=as_json(rows),
    )
    return [FactId(id_) for id_ in ids]
