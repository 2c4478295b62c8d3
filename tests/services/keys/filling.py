"""Rows in every table that holds encrypted values, made from the catalogue of the database."""

import json
from typing import Any

from sqlalchemy import Connection

from services.keys.columns import SEALED, Sealed
from shared.db.engine import fetch_all, fetch_one, run
from shared.tenants import Tenant

CHOSEN = {("pool_record", "status"): "unassigned", ("intent", "state"): "pending", ("outbox", "state"): "due"}
"""Columns that take certain values only."""
MADE = {
    "text": lambda n: f"x{n}",
    "timestamp with time zone": lambda n: "2026-11-22T02:00:00Z",
    "date": lambda n: "2026-11-22",
    "boolean": lambda n: False,
    "jsonb": lambda n: "{}",
    "bytea": lambda n: f"\\x{n:02x}",
    "text[]": lambda n: "{}",
    "bigint[]": lambda n: "{}",
}
COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as kind,
  (select pg_get_constraintdef(k.oid) from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'c'
   and k.conkey = array[a.attnum] limit 1) as allowed
from pg_attribute a where a.attrelid = cast(:name as regclass) and a.attnum > 0 and not a.attisdropped
  and a.attidentity = '' and (a.attnotnull and not a.atthasdef or a.attname = any(:needed)) order by a.attnum
"""


def secret_of(one: Sealed, column: str, n: int) -> str:
    return f"{one.table}.{column} {n}"


def fill(connection: Connection, tenant: Tenant, one: Sealed, *, rows: int) -> None:
    """So many rows of a table; each encrypted column holds `secret_of`."""
    needed = [*one.key, *one.columns, *one.documents]
    columns = fetch_all(connection, COLUMNS, name=one.table, needed=needed)
    for n in range(rows):
        values = {row["name"]: _made(one, row, n) for row in columns} | {"tenant_id": tenant.id}
        for name, template in {**one.columns, **one.documents}.items():
            sealed = tenant.cipher.encrypt(secret_of(one, name, n).encode(), template.format_map(values))
            values[name] = sealed if name in one.columns else json.dumps([{"list": sealed.hex()}, None])
        names = ", ".join(values)
        given = ", ".join(f"cast(:{row['name']} as {row['kind']})" for row in columns)
        run(connection, f"insert into {one.table} ({names}) values ({given})", **values)


def _made(one: Sealed, row: Any, n: int) -> object:
    if row["allowed"] and "ARRAY" in row["allowed"]:
        return row["allowed"].split("'")[1]
    return MADE.get(row["kind"], lambda n: 100 + n)(n)


def opened(connection: Connection, tenant: Tenant, one: Sealed) -> dict[str, list[str]]:
    """What a reader with the tenant's cipher finds in each encrypted column, in order."""
    found: dict[str, list[str]] = {name: [] for name in (*one.columns, *one.documents)}
    for row in fetch_all(connection, f"select * from {one.table} where tenant_id = :id", id=tenant.id):
        for name, template in {**one.columns, **one.documents}.items():
            stored = row[name] if name in one.columns else bytes.fromhex(row[name][0]["list"])
            found[name].append(tenant.cipher.decrypt(stored, template.format_map(dict(row))).decode())
    return {name: sorted(values) for name, values in found.items()}


def numbers(connection: Connection, tenant: Tenant) -> set[int]:
    """Which keys have made what is stored."""
    found: set[int] = set()
    for one in SEALED:
        for name in one.columns:
            row = fetch_one(
                connection,
                f"select array_agg(distinct get_byte({name}, 0)) as n from {one.table} where tenant_id = :id",
                id=tenant.id,
            )
            found |= set(row["n"] or []) if row else set()
        for row in fetch_all(connection, f"select * from {one.table} where tenant_id = :id", id=tenant.id):
            found |= {bytes.fromhex(row[name][0]["list"])[0] for name in one.documents}
    return found
