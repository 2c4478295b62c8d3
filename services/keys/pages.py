"""Makes the encrypted values of one table anew, page by page; writers go on meanwhile.

A value is replaced only while it is still the one that was read, so a writer always wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.keys.columns import Sealed
from services.keys.model import resealed
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant
from shared.vault import VaultError, key_number

MARKS = "where tenant_id = :tenant_id and id > :before and xmin = pg_current_xact_id()::xid"


@dataclass(frozen=True)
class Page:
    """`cursor`: the last row's key; None when the table ends here. `raced`: rows somebody wrote meanwhile: again."""

    cursor: tuple[str, ...] | None
    changed_count: int
    unreadable_count: int
    raced: bool = False


def renew_page(
    connection: Connection, tenant: Tenant, one: Sealed, *, after: tuple[str, ...] | None, limit: int
) -> Page:
    """Make the next `limit` values anew that another key than the current one has made."""
    found = _old_rows(connection, tenant, one, after=after, limit=limit)
    if not found:
        return Page(None, 0, 0)
    rows, unreadable_count = [], 0
    for row in found:
        renewed, failed = _renewed(row, tenant, one)
        unreadable_count += failed
        if renewed:
            rows.append({**{name: row[name] for name in one.key}, **renewed})
    before = _last_mark(connection, tenant.id)
    written = _write(connection, tenant.id, one, rows) if rows else 0
    _take_back_marks(connection, tenant.id, before)
    last = found[-1]
    cursor = tuple(last[f"{name}_text"] for name in one.key) if len(found) == limit else None
    return Page(cursor, written, unreadable_count, raced=written < len(rows))


def count_old(connection: Connection, tenant: Tenant, one: Sealed) -> int:
    """Rows with a value that another key than the current one has made; documents are not looked into."""
    row = fetch_one(
        connection,
        f"select count(*) as n from {one.table} where tenant_id = :tenant_id and ({_is_old(one)})",  # noqa: S608 - ours
        tenant_id=tenant.id,
        number=bytes([tenant.cipher.ring.current]),
    )
    return int(row["n"]) if row else 0


def _is_old(one: Sealed) -> str:
    return " or ".join([f"substr({name}, 1, 1) <> :number" for name in one.columns] or ["false and :number is null"])


def _old_rows(
    connection: Connection, tenant: Tenant, one: Sealed, *, after: tuple[str, ...] | None, limit: int
) -> Sequence[Row]:
    keys = ", ".join(one.key)
    texts = ", ".join(f"cast({name} as text) as {name}_text" for name in one.key)
    columns = ", ".join([*one.columns, *one.documents])
    given = ", ".join(f"cast(:k{n} as {kind})" for n, kind in enumerate(one.key.values()))
    # Which texts in a document are old is found out here, and few rows have any.
    old = _is_old(one) if not one.documents else ":number is not null"
    return fetch_all(
        connection,
        f"select {keys}, {texts}, {columns} from {one.table} where tenant_id = :tenant_id and ({old}) "  # noqa: S608
        + (f"and ({keys}) > ({given}) " if after else "")
        + f"order by {keys} limit :limit",
        tenant_id=tenant.id,
        number=bytes([tenant.cipher.ring.current]),
        limit=limit,
        **{f"k{n}": value for n, value in enumerate(after or ())},
    )


def _renewed(row: Row, tenant: Tenant, one: Sealed) -> tuple[dict[str, object], int]:
    """What to write of a row: `o_...` as it was read, `n_...` anew; and how many of its values do not open."""
    changes: dict[str, object] = {}
    failed = 0
    for name, template in {**one.columns, **one.documents}.items():
        context = template.format_map({key: row[key] for key in one.key})
        stored = row[name]
        try:
            made = _again(stored, tenant, context) if name in one.columns else _document(stored, tenant, context)
        except VaultError:
            failed += 1
            continue
        if made != stored:
            changes |= {f"o_{name}": stored, f"n_{name}": made}
    return changes, failed


def _again(stored: bytes | None, tenant: Tenant, context: str) -> bytes | None:
    if stored is None or key_number(stored) == tenant.cipher.ring.current:
        return stored
    return tenant.cipher.encrypt(tenant.cipher.decrypt(stored, context), context)


def _document(stored: object, tenant: Tenant, context: str) -> object:
    def seal(value: bytes) -> bytes:
        made = _again(value, tenant, context)
        assert made is not None
        return made

    return resealed(stored, seal)


def _write(connection: Connection, tenant_id: TenantId, one: Sealed, rows: Sequence[Mapping[str, object]]) -> int:
    kinds = {**dict.fromkeys(one.columns, "bytea"), **dict.fromkeys(one.documents, "jsonb")}
    sets = ", ".join(f"{name} = coalesce(r.n_{name}, t.{name})" for name in kinds)
    same = " and ".join(f"(r.o_{name} is null or t.{name} = r.o_{name})" for name in kinds)
    keys = " and ".join(f"t.{name} = r.{name}" for name in one.key)
    shape = ", ".join(
        [f"{name} {kind}" for name, kind in one.key.items()]
        + [f"{place}_{name} {kind}" for name, kind in kinds.items() for place in "on"]
    )
    return run(
        connection,
        f"update {one.table} t set {sets} from jsonb_to_recordset(cast(:rows as jsonb)) as r({shape}) "  # noqa: S608
        f"where t.tenant_id = :tenant_id and {keys} and {same}",
        tenant_id=tenant_id,
        rows=as_json(rows),
    )


def _last_mark(connection: Connection, tenant_id: TenantId) -> int:
    row = fetch_one(connection, "select coalesce(max(id), 0) as id from card_due where tenant_id = :id", id=tenant_id)
    return int(row["id"]) if row else 0


def _take_back_marks(connection: Connection, tenant_id: TenantId, before: int) -> None:
    """What a card shows has not changed; a million cards need not be made anew. Marks of others stay."""
    run(connection, f"delete from card_due {MARKS}", tenant_id=tenant_id, before=before)  # noqa: S608 - a constant
