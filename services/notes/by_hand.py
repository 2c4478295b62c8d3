"""Rows of templates, and of the events that people record after them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection

from services.notes.model import BY_HAND, Template, TemplateField, TemplateNameTakenError
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

PROPERTIES = "customer_event.properties"


def add_template(
    connection: Connection,
    tenant_id: TenantId,
    *,
    name: str,
    kind: str,
    fields: Sequence[TemplateField],
    by: str,
    now: datetime,
) -> Template:
    """
    Raises:
        TemplateNameTakenError: the caller rolls back.
    """
    row = fetch_one(
        connection,
        "insert into event_template (tenant_id, name, kind, fields, created_at, created_by) "
        "values (:tenant_id, :name, :kind, cast(:fields as jsonb), :now, :by) on conflict do nothing returning *",
        tenant_id=tenant_id,
        name=name,
        kind=kind,
        fields=as_json([one.__dict__ for one in fields]),
        now=now,
        by=by,
    )
    if row is None:
        raise TemplateNameTakenError("there is a template of this name: take another one, or delete that one first")
    return _template(row)


def _template(row: Row) -> Template:
    fields = tuple(TemplateField(**one) for one in row["fields"])
    return Template(row["id"], row["name"], row["kind"], fields, row["created_at"], row["created_by"])


def load_templates(connection: Connection, tenant_id: TenantId) -> list[Template]:
    rows = fetch_all(
        connection,
        'select * from event_template where tenant_id = :tenant_id and deleted_at is null order by name collate "C"',
        tenant_id=tenant_id,
    )
    return [_template(row) for row in rows]


def load_template(connection: Connection, tenant_id: TenantId, template_id: int) -> Template | None:
    row = fetch_one(
        connection,
        "select * from event_template where tenant_id = :tenant_id and id = :id and deleted_at is null",
        tenant_id=tenant_id,
        id=template_id,
    )
    return _template(row) if row else None


def remove_template(connection: Connection, tenant_id: TenantId, template_id: int, *, now: datetime) -> bool:
    """Nothing is recorded after it any more; what was stays, with its words."""
    return (
        run(
            connection,
            "update event_template set deleted_at = :now where tenant_id = :tenant_id and id = :id "
            "and deleted_at is null",
            tenant_id=tenant_id,
            id=template_id,
            now=now,
        )
        > 0
    )


def record_by_hand(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    template: Template,
    properties: Mapping[str, object],
    *,
    occurred_at: datetime,
    by: str,
    now: datetime,
) -> str:
    """The event's id."""
    row = fetch_one(
        connection,
        "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, properties, recorded_at, "
        "by_whom, template_id) values (:tenant_id, :prefix || nextval('event_by_hand_id_seq'), :customer_id, :kind, "
        ":occurred_at, :properties, :now, :by, :template_id) returning event_id",
        tenant_id=tenant.id,
        prefix=BY_HAND,
        customer_id=customer_id,
        kind=template.kind,
        occurred_at=occurred_at,
        properties=tenant.cipher.encrypt(orjson.dumps(properties), PROPERTIES) if properties else None,
        now=now,
        by=by,
        template_id=template.id,
    )
    assert row is not None
    return str(row["event_id"])
