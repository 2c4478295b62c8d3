"""Rows of saved filters."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services.saved_filters.model import MOST_FILTERS, NoSavedFilterError, SavedFilter, SavedFilterRefusedError
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

FILTER = "saved_filter.filter"


def load_saved_filters(connection: Connection, tenant: Tenant, *, owner: str) -> list[SavedFilter]:
    """Those of an owner, and those that others share, by name."""
    rows = fetch_all(
        connection,
        "select * from saved_filter where tenant_id = :tenant_id and (owner = :owner or shared) order by name, id",
        tenant_id=tenant.id,
        owner=owner,
    )
    return [_saved(tenant, row) for row in rows]


def load_saved_filter(connection: Connection, tenant: Tenant, id_: int, *, owner: str) -> SavedFilter:
    """
    Raises:
        NoSavedFilterError
    """
    row = fetch_one(
        connection,
        "select * from saved_filter where tenant_id = :tenant_id and id = :id and (owner = :owner or shared)",
        tenant_id=tenant.id,
        id=id_,
        owner=owner,
    )
    if row is None:
        raise NoSavedFilterError("there is no such saved filter")
    return _saved(tenant, row)


def load_own_filter(connection: Connection, tenant: Tenant, id_: int, *, owner: str) -> SavedFilter:
    """One that its owner may change.

    Raises:
        NoSavedFilterError, SavedFilterRefusedError
    """
    found = load_saved_filter(connection, tenant, id_, owner=owner)
    if found.owner != owner:
        raise SavedFilterRefusedError("only its owner changes a saved filter; copy it to have one of your own")
    return found


def _saved(tenant: Tenant, row: Row) -> SavedFilter:
    given = orjson.loads(tenant.cipher.decrypt(row["filter"], FILTER))
    values = {name: row[name] for name in SavedFilter.__dataclass_fields__}
    return SavedFilter(**values | {"filter": given})


def record_saved_filter(
    connection: Connection, tenant: Tenant, *, name: str, given: Any, owner: str, shared: bool, now: datetime
) -> int:
    """
    Raises:
        SavedFilterRefusedError: the owner has one of this name, or too many.
    """
    count = fetch_one(
        connection,
        "select count(*) as n from saved_filter where tenant_id = :tenant_id and owner = :owner",
        tenant_id=tenant.id,
        owner=owner,
    )
    if count is not None and count["n"] >= MOST_FILTERS:
        raise SavedFilterRefusedError(f"there are {MOST_FILTERS} saved filters at most: delete one first")
    return _write(
        connection,
        "insert into saved_filter (tenant_id, name, filter, owner, shared, created_at, updated_at) "
        "values (:tenant_id, :name, :filter, :owner, :shared, :now, :now) returning id",
        tenant_id=tenant.id,
        name=name,
        filter=tenant.cipher.encrypt(orjson.dumps(given), FILTER),
        owner=owner,
        shared=shared,
        now=now,
    )


def record_saved_filter_edit(connection: Connection, tenant: Tenant, saved: SavedFilter, *, now: datetime) -> None:
    """
    Raises:
        SavedFilterRefusedError: the owner has another one of this name.
    """
    _write(
        connection,
        "update saved_filter set name = :name, filter = :filter, shared = :shared, updated_at = :now "
        "where tenant_id = :tenant_id and id = :id returning id",
        tenant_id=tenant.id,
        id=saved.id,
        name=saved.name,
        filter=tenant.cipher.encrypt(orjson.dumps(saved.filter), FILTER),
        shared=saved.shared,
        now=now,
    )


def _write(connection: Connection, sql: str, **parameters: object) -> int:
    try:
        with connection.begin_nested():
            row = fetch_one(connection, sql, **parameters)
    except IntegrityError:
        raise SavedFilterRefusedError("you have a saved filter of this name already") from None
    assert row is not None
    return int(row["id"])


def remove_saved_filter(connection: Connection, tenant_id: TenantId, id_: int) -> None:
    run(connection, "delete from saved_filter where tenant_id = :tenant_id and id = :id", tenant_id=tenant_id, id=id_)
