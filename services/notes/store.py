"""Rows of notes. Who writes has locked the customer (services/persons/store.lock_customers)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.notes.model import Note
from shared.db.engine import Row, fetch_all, fetch_one
from shared.ids import CustomerId
from shared.tenants import Tenant

BODY = "customer_note.body"


def add_note(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, body: str, *, by: str, now: datetime
) -> Note:
    row = fetch_one(
        connection,
        "insert into customer_note (tenant_id, customer_id, body, at, by_whom) "
        "values (:tenant_id, :customer_id, :body, :now, :by) returning *",
        tenant_id=tenant.id,
        customer_id=customer_id,
        body=tenant.cipher.encrypt(body.encode(), BODY),
        now=now,
        by=by,
    )
    assert row is not None
    return _note(tenant, row)


def _note(tenant: Tenant, row: Row) -> Note:
    return Note(
        id=row["id"],
        customer_id=CustomerId(row["customer_id"]),
        body=tenant.cipher.decrypt(row["body"], BODY).decode(),
        at=row["at"],
        by=row["by_whom"],
        edited_at=row["edited_at"],
    )


def load_note(connection: Connection, tenant: Tenant, customer_id: CustomerId, note_id: int) -> Note | None:
    row = fetch_one(
        connection,
        "select * from customer_note where tenant_id = :tenant_id and id = :id and customer_id = :customer_id "
        "and deleted_at is null for update",
        tenant_id=tenant.id,
        id=note_id,
        customer_id=customer_id,
    )
    return _note(tenant, row) if row else None


def edit_note(connection: Connection, tenant: Tenant, note_id: int, body: str, *, now: datetime) -> Note:
    """The note is there, and locked."""
    row = fetch_one(
        connection,
        "update customer_note set body = :body, edited_at = :now where tenant_id = :tenant_id and id = :id returning *",
        tenant_id=tenant.id,
        id=note_id,
        body=tenant.cipher.encrypt(body.encode(), BODY),
        now=now,
    )
    assert row is not None
    return _note(tenant, row)


def remove_note(connection: Connection, tenant: Tenant, note_id: int, *, now: datetime) -> None:
    """The row stays, what it said does not: it is in the audit."""
    fetch_one(
        connection,
        "update customer_note set deleted_at = :now, body = :body where tenant_id = :tenant_id and id = :id "
        "returning id",
        tenant_id=tenant.id,
        id=note_id,
        body=tenant.cipher.encrypt(b"", BODY),
        now=now,
    )


def page_notes(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Note]:
    """Newest first; `before`: time and id of the last one of the page before."""
    rows = fetch_all(
        connection,
        "select * from customer_note where tenant_id = :tenant_id and customer_id = :customer_id "  # noqa: S608
        "and deleted_at is null "
        + ("and (at, id) < (:before_at, :before_id) " if before else "")
        + "order by at desc, id desc limit :limit",
        tenant_id=tenant.id,
        customer_id=customer_id,
        limit=limit,
        **({"before_at": before[0], "before_id": before[1]} if before else {}),
    )
    return [_note(tenant, row) for row in rows]
