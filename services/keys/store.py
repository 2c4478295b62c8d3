"""Changes of keys as rows: each step is one transaction under the lock of the corp's change.

So it may be killed between any two steps, and several commands that are at it share the work.
"""

from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection

from services.keys.columns import SEALED
from services.keys.model import ANNOUNCED, DONE, SWITCHED, Rotation, is_over, next_place
from services.keys.pages import Page, renew_page
from shared.audit import Change, Origin, record_audit
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant, load_tenant
from shared.vault import Ring, Vault

MOST_ROWS = 500
TABLES = tuple(one.table for one in SEALED)


def open_rotation(connection: Connection, tenant_id: TenantId, *, lock: bool = False) -> Rotation | None:
    """The corp's change of its data key that has not ended; locked, nobody else takes a step of it meanwhile."""
    sql = "select * from key_rotation where tenant_id = :tenant_id and finished_at is null"
    row = fetch_one(connection, f"{sql} for update" if lock else sql, tenant_id=tenant_id)
    return _rotation(row) if row else None


def last_rotation(connection: Connection, tenant_id: TenantId) -> Row | None:
    return fetch_one(
        connection, "select * from key_rotation where tenant_id = :id order by id desc limit 1", id=tenant_id
    )


def begin_rotation(
    connection: Connection, vault: Vault, tenant: Tenant, *, by: str, now: datetime, settle_s: float
) -> bool:
    """Give the corp's ring a new key that only opens so far; False when a change is under way already.

    Raises:
        VaultError: the ring is full, or wrapped by another secret key.
    """
    ring = _locked_ring(connection, vault, tenant.id)
    if open_rotation(connection, tenant.id) is not None:
        return False
    grown = ring.with_new_key()
    number = max(grown.keys)
    _store_ring(connection, vault, tenant.id, grown)
    run(
        connection,
        "insert into key_rotation (tenant_id, number, state, ready_at, started_at, started_by) "
        "values (:tenant_id, :number, :state, :ready_at, :now, :by)",
        tenant_id=tenant.id,
        number=number,
        state=ANNOUNCED,
        ready_at=now + timedelta(seconds=settle_s),
        now=now,
        by=by,
    )
    change = Change("keys.rotate", "corp", tenant.corp_id, after={"key": number})
    record_audit(connection, tenant, [change], Origin(f"operator:{by}", None, now))
    return True


def take_step(connection: Connection, vault: Vault, tenant_id: TenantId, *, now: datetime, settle_s: float) -> bool:
    """The next step of the corp's change, if one is due: switch to the new key, or make one page anew."""
    one = open_rotation(connection, tenant_id, lock=True)
    if one is None or one.ready_at > now:
        return False
    if one.state == ANNOUNCED:
        _switch(connection, vault, tenant_id, one, ready_at=now + timedelta(seconds=settle_s))
        return True
    tenant = load_tenant(connection, vault, tenant_id)  # with the ring as it is now
    assert tenant is not None
    place = next_place(TABLES, one.table)
    limit = min(MOST_ROWS, SEALED[place].page_rows)
    page = renew_page(connection, tenant, SEALED[place], after=one.cursor if one.table else None, limit=limit)
    _note(connection, tenant_id, one, page, place=place, now=now)
    return True


def rewrap(connection: Connection, vault: Vault, tenant: Tenant, *, by: str, now: datetime) -> bool:
    """Wrap the corp's ring with the present secret key; False when it is."""
    row = _locked(connection, tenant.id)
    if vault.is_current(row["data_key"]):
        return False
    _store_ring(connection, vault, tenant.id, vault.unwrap(row["data_key"]))
    record_audit(
        connection, tenant, [Change("keys.rewrap", "corp", tenant.corp_id)], Origin(f"operator:{by}", None, now)
    )
    return True


def wrapped_rings(connection: Connection) -> list[tuple[TenantId, str, bytes]]:
    rows = fetch_all(connection, "select id, corp_id, data_key from tenant order by id")
    return [(TenantId(row["id"]), row["corp_id"], bytes(row["data_key"])) for row in rows]


def _switch(connection: Connection, vault: Vault, tenant_id: TenantId, one: Rotation, *, ready_at: datetime) -> None:
    ring = _locked_ring(connection, vault, tenant_id)
    _store_ring(connection, vault, tenant_id, ring.making_with(one.number))
    run(
        connection,
        "update key_rotation set state = :state, ready_at = :ready_at where tenant_id = :tenant_id and id = :id",
        state=SWITCHED,
        ready_at=ready_at,
        tenant_id=tenant_id,
        id=one.id,
    )


def _note(connection: Connection, tenant_id: TenantId, one: Rotation, page: Page, *, place: int, now: datetime) -> None:
    """Where the walk goes on: this page again, the next one, the next table, once more from the start, or no more."""
    walked = page.cursor is None and not page.raced and place + 1 == len(SEALED)
    counted = Rotation(**{**vars(one), "walk_count": one.walk_count + page.changed_count})
    done = walked and is_over(counted)
    if page.raced:
        table, cursor = TABLES[place], one.cursor if one.table else None
    elif page.cursor is not None:
        table, cursor = TABLES[place], page.cursor
    else:
        table, cursor = TABLES[(place + 1) % len(SEALED)], None
    unreadable = page.unreadable_count + (0 if one.table == TABLES[0] and one.cursor is None else one.unreadable_count)
    run(
        connection,
        "update key_rotation set at_table = :table, cursor = cast(:cursor as jsonb), walk_count = :walk, "
        "changed_count = changed_count + :changed, unreadable_count = :unreadable, state = :state, "
        "finished_at = cast(:finished as timestamptz) where tenant_id = :tenant_id and id = :id",
        table=table,
        cursor=None if cursor is None else orjson.dumps(cursor).decode(),
        walk=0 if walked else counted.walk_count,
        changed=page.changed_count,
        unreadable=unreadable,
        state=DONE if done else one.state,
        finished=now if done else None,
        tenant_id=tenant_id,
        id=one.id,
    )


def _locked(connection: Connection, tenant_id: TenantId) -> Row:
    row = fetch_one(connection, "select data_key from tenant where id = :id for no key update", id=tenant_id)
    if row is None:
        raise LookupError(f"no tenant {tenant_id}")
    return row


def _locked_ring(connection: Connection, vault: Vault, tenant_id: TenantId) -> Ring:
    return vault.unwrap(_locked(connection, tenant_id)["data_key"])


def _store_ring(connection: Connection, vault: Vault, tenant_id: TenantId, ring: Ring) -> None:
    run(connection, "update tenant set data_key = :ring where id = :id", ring=vault.wrap(ring), id=tenant_id)


def _rotation(row: Row) -> Rotation:
    return Rotation(
        id=row["id"],
        number=row["number"],
        state=row["state"],
        ready_at=row["ready_at"],
        table=row["at_table"],
        cursor=None if row["cursor"] is None else tuple(row["cursor"]),
        walk_count=row["walk_count"],
        changed_count=row["changed_count"],
        unreadable_count=row["unreadable_count"],
        started_by=row["started_by"],
    )
