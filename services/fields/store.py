"""Rows of custom fields. Who changes definitions holds their lock: names and places are decided over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.fields.model import Field, FieldRefusedError, Kind, NoFieldError, Option, Use
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.requests import BACKFILL, Subject, Wanted, lock, want

CUSTOM_FIELDS = "custom_fields"
"""Subject kind: cards that show another choice of custom fields now. Its one key is `CORP`."""
CORP = "corp"
MARKED_AT_ONCE = 20_000


def load_fields(connection: Connection, tenant_id: TenantId) -> list[Field]:
    """All that live, in their order, those that are switched off among them."""
    rows = fetch_all(
        connection,
        "select * from custom_field where tenant_id = :tenant_id and deleted_at is null order by position, id",
        tenant_id=tenant_id,
    )
    return [_field(row) for row in rows]


def _field(row: Row) -> Field:
    values = {name: row[name] for name in Field.__dataclass_fields__ if name not in ("kind", "options")}
    return Field(kind=Kind(row["kind"]), options=_options(row["options"]), **values)


def _options(stored: Sequence[Mapping[str, Any]]) -> tuple[Option, ...]:
    return tuple(
        Option(one["id"], one["name"], one.get("withdrawn", False), _options(one.get("options", []))) for one in stored
    )


def stored_options(options: Sequence[Option]) -> list[dict[str, object]]:
    return [
        {"id": one.id, "name": one.name}
        | ({"withdrawn": True} if one.withdrawn else {})
        | ({"options": stored_options(one.options)} if one.options else {})
        for one in options
    ]


def lock_fields(connection: Connection, tenant_id: TenantId) -> list[Field]:
    """All that live; nobody else changes any until the transaction ends."""
    lock(connection, [Subject(tenant_id, CUSTOM_FIELDS, CORP)])
    return load_fields(connection, tenant_id)


def find_field(fields: Sequence[Field], key: str) -> Field:
    """
    Raises:
        NoFieldError
    """
    found = next((one for one in fields if one.key == key), None)
    if found is None:
        raise NoFieldError("there is no custom field with this key")
    return found


def record_new(connection: Connection, tenant_id: TenantId, field: Field, *, now: datetime) -> None:
    """
    Raises:
        FieldRefusedError: a deleted field had this key; its values may still lie in documents.
    """
    made = run(
        connection,
        "insert into custom_field (tenant_id, key, name, kind, options, personal, required_of_customer, "
        "required_of_pool, in_pool_list, enabled, position, created_at) values (:tenant_id, :key, :name, :kind, "
        "cast(:options as jsonb), :personal, :required_of_customer, :required_of_pool, :in_pool_list, :enabled, "
        ":position, :now) on conflict (tenant_id, key) do nothing",
        tenant_id=tenant_id,
        now=now,
        **_columns(field),
    )
    if not made:
        raise FieldRefusedError("a field that was deleted had this key, and keys are used once: choose another")


def record_edit(connection: Connection, tenant_id: TenantId, field: Field) -> None:
    run(
        connection,
        "update custom_field set name = :name, options = cast(:options as jsonb), personal = :personal, "
        "required_of_customer = :required_of_customer, required_of_pool = :required_of_pool, "
        "in_pool_list = :in_pool_list, enabled = :enabled where tenant_id = :tenant_id and key = :key "
        "and deleted_at is null",
        tenant_id=tenant_id,
        **{name: value for name, value in _columns(field).items() if name not in ("kind", "position")},
    )


def _columns(field: Field) -> dict[str, object]:
    plain = replace(field, options=()).__dict__
    return {**plain, "kind": field.kind.value, "options": as_json(stored_options(field.options))}


def record_order(connection: Connection, tenant_id: TenantId, fields: Sequence[Field]) -> None:
    run(
        connection,
        "update custom_field f set position = p.position from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as p(key text, position int) where f.tenant_id = :tenant_id and f.key = p.key",
        tenant_id=tenant_id,
        rows=as_json([{"key": one.key, "position": one.position} for one in fields]),
    )


def record_deleted(connection: Connection, tenant_id: TenantId, key: str, *, now: datetime) -> None:
    run(
        connection,
        "update custom_field set deleted_at = :now, in_pool_list = false where tenant_id = :tenant_id and key = :key",
        tenant_id=tenant_id,
        key=key,
        now=now,
    )


def want_cards(connection: Connection, tenant_id: TenantId, *, by: str, now: datetime) -> None:
    """Cards show other fields now: mark them in the background (sync_worker/reconcilers/field_cards.py)."""
    want(connection, [Wanted(Subject(tenant_id, CUSTOM_FIELDS, CORP), BACKFILL, "api", by)], now=now)


def mark_cards(
    connection: Connection, tenant_id: TenantId, *, after: int, limit: int = MARKED_AT_ONCE
) -> CustomerId | None:
    """Mark the cards of the next customers who have values; where to go on, None: these were the last."""
    row = fetch_one(
        connection,
        "with page as (select id from customer where tenant_id = :tenant_id and id > :after and own is not null "
        "and merged_into is null order by id limit :limit), marked as (insert into card_due (tenant_id, customer_id) "
        "select :tenant_id, id from page) select max(id) as last, count(*) as n from page",
        tenant_id=tenant_id,
        after=after,
        limit=limit,
    )
    assert row is not None
    return CustomerId(row["last"]) if row["n"] == limit else None


def load_use(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> Use:
    """Whether the customer waits in the pool: another choice of fields may be required there."""
    row = fetch_one(
        connection,
        "select from pool_record where tenant_id = :tenant_id and customer_id = :id and status <> 'added'",
        tenant_id=tenant_id,
        id=customer_id,
    )
    return Use.CUSTOMER if row is None else Use.POOL
