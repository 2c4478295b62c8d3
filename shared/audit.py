"""The audit: who changed what, when, from where (ACC-2), in the transaction of the change.

Names of changed fields are in the clear, what they were and are is encrypted. Rows are only ever added; when a customer
is deleted, the encrypted part of theirs is emptied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, run
from shared.tenants import Tenant

DETAILS = "audit.details"


@dataclass(frozen=True)
class Origin:
    """Who acts, from which address (None: this machine), and when."""

    actor: str
    address: str | None
    at: datetime


@dataclass(frozen=True)
class Change:
    """One change of one subject. `before` and `after` hold the changed fields only; JSON values."""

    action: str
    subject_kind: str
    subject_key: str
    before: Mapping[str, object] = field(default_factory=dict, repr=False)
    after: Mapping[str, object] = field(default_factory=dict, repr=False)


def record_audit(connection: Connection, tenant: Tenant, changes: Sequence[Change], origin: Origin) -> None:
    rows = [
        {
            "action": one.action,
            "subject_kind": one.subject_kind,
            "subject_key": one.subject_key,
            "changed": sorted({*one.before, *one.after}),
            "details": tenant.cipher.encrypt(orjson.dumps({"before": one.before, "after": one.after}), DETAILS),
        }
        for one in changes
    ]
    if rows:
        run(
            connection,
            "insert into audit (tenant_id, at, actor, origin, action, subject_kind, subject_key, changed, details) "
            "select :tenant_id, :at, :actor, :origin, action, subject_kind, subject_key, changed, details "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(action text, subject_kind text, subject_key text, "
            "changed text[], details bytea)",
            tenant_id=tenant.id,
            at=origin.at,
            actor=origin.actor,
            origin=origin.address,
            rows=as_json(rows),
        )


@dataclass(frozen=True)
class Audited:
    at: datetime
    actor: str
    origin: str | None
    change: Change


def load_audit(connection: Connection, tenant: Tenant, kind: str, key: str, *, limit: int = 100) -> list[Audited]:
    """The newest changes of a subject, newest first."""
    rows = fetch_all(
        connection,
        "select * from audit where tenant_id = :tenant_id and subject_kind = :kind and subject_key = :key "
        "order by id desc limit :limit",
        tenant_id=tenant.id,
        kind=kind,
        key=key,
        limit=limit,
    )
    found = []
    for row in rows:
        details = _opened(tenant, row["details"])
        change = Change(row["action"], kind, key, details["before"], details["after"])
        found.append(Audited(row["at"], row["actor"], row["origin"], change))
    return found


def _opened(tenant: Tenant, details: bytes | None) -> Mapping[str, Mapping[str, object]]:
    """{} where the subject was deleted: who did what and when stays, what it was about does not."""
    if details is None:
        return {"before": {}, "after": {}}
    opened: Mapping[str, Mapping[str, object]] = orjson.loads(tenant.cipher.decrypt(details, DETAILS))
    return opened
