"""The audit: who changed what, when, from where (ACC-2), in the transaction of the change.

Names of changed fields are in the clear, what they were and are is encrypted. Rows are only ever added; when a customer
is deleted, the encrypted part of theirs is emptied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import Connection

from shared.db.engine import Row, as_json, fetch_all, run
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
        "order by at desc, id desc limit :limit",
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


@dataclass(frozen=True)
class Sought:
    """All that are named must hold. `since` is the first moment, `until` the first one after."""

    actor: str | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditLine:
    """A row of the audit. `before` and `after` are None unless asked for; JSON values."""

    id: int
    at: datetime
    actor: str
    origin: str | None
    action: str
    subject_kind: str
    subject_key: str
    changed: tuple[str, ...]
    before: Mapping[str, object] | None = field(default=None, repr=False)
    after: Mapping[str, object] | None = field(default=None, repr=False)


def page_audit(
    connection: Connection,
    tenant: Tenant,
    sought: Sought,
    *,
    before: tuple[datetime, int] | None = None,
    limit: int,
    details: bool = False,
) -> list[AuditLine]:
    """Newest first; `before`: time and id of the last line of the page before."""
    named = {name: getattr(sought, name) for name in ("actor", "action", "subject_kind", "subject_key")}
    conditions = [f"{name} = :{name}" for name, value in named.items() if value is not None]
    conditions += ["at >= :since"] if sought.since else []
    conditions += ["at < :until"] if sought.until else []
    conditions += ["(at, id) < (:before_at, :before_id)"] if before else []
    rows = fetch_all(
        connection,
        "select id, at, actor, origin, action, subject_kind, subject_key, changed, details from audit "  # noqa: S608
        f"where {' and '.join(['tenant_id = :tenant_id', *conditions])} order by at desc, id desc limit :limit",
        tenant_id=tenant.id,
        since=sought.since,
        until=sought.until,
        limit=limit,
        **named,
        **({"before_at": before[0], "before_id": before[1]} if before else {}),
    )
    return [_line(tenant, row, details=details) for row in rows]


def _line(tenant: Tenant, row: Row, *, details: bool) -> AuditLine:
    values = {name: row[name] for name in AuditLine.__dataclass_fields__ if name in row and name != "changed"}
    opened = orjson.loads(tenant.cipher.decrypt(row["details"], DETAILS)) if details and row["details"] else {}
    return AuditLine(**values, changed=tuple(row["changed"]), before=opened.get("before"), after=opened.get("after"))
