"""What hangs on a customer goes over to another one, and back. Set-based, whatever there is of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from services.merging.model import TakenOut
from services.merging.tables import MOVED, Moved
from services.persons.model import Identity
from services.persons.store import key_of
from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant


def move_rows(
    connection: Connection,
    tenant: Tenant,
    merge_id: int,
    merged: CustomerId,
    into: CustomerId,
    *,
    one_way: Sequence[int],
) -> tuple[dict[str, int], list[TakenOut]]:
    """What belonged to `merged` belongs to `into`: rows per table that went over, and those that gave way.

    `one_way`: SOP rules in which a person has one way at a time.
    """
    same = partial(_take_out, connection, tenant, merged=merged, into=into, one_way=one_way)
    moved, taken = dict[str, int](), list[TakenOut]()
    for table in MOVED:
        named = ", ".join((*table.key, *table.alters))
        if table.once is not None:
            taken += same(table, goes="i", when=table.instead)
            taken += same(table, goes="m", when="true")
        count = run(
            connection,
            f"with moved as (update {table.name} t set customer_id = :into{table.gives and ', ' + table.gives} "  # noqa: S608
            f"where tenant_id = :tenant_id and customer_id = :merged returning {named}) "
            "insert into customer_merge_row (tenant_id, merge_id, table_name, row_key, was) "
            f"select :tenant_id, :merge_id, :table, {_object('moved', table.key)}, {_object('moved', table.alters)} "
            "from moved",
            tenant_id=tenant.id,
            merge_id=merge_id,
            table=table.name,
            merged=merged,
            into=into,
        )
        moved |= {table.name: count} if count else {}
    return moved, taken


def _object(alias: str, columns: Iterable[str]) -> str:
    pairs = ", ".join(f"'{one}', {alias}.{one}" for one in columns)
    return f"jsonb_build_object({pairs})"


def _take_out(
    connection: Connection,
    tenant: Tenant,
    table: Moved,
    *,
    merged: CustomerId,
    into: CustomerId,
    one_way: Sequence[int],
    goes: str,
    when: str,
) -> list[TakenOut]:
    """`goes`: i, rows of the master, or m, the other's, where both have one of the same."""
    stays = "m" if goes == "i" else "i"
    same = " and ".join(f"i.{one} = m.{one}" for one in table.once or ()) or "true"
    rows = fetch_all(
        connection,
        f"delete from {table.name} {goes} using {table.name} {stays} "  # noqa: S608 - constants
        "where i.tenant_id = :tenant_id and m.tenant_id = :tenant_id and i.customer_id = :into "
        f"and m.customer_id = :merged and {same} and {table.among} and ({when}) returning to_jsonb({goes}) as row",
        tenant_id=tenant.id,
        merged=merged,
        into=into,
        one_way=list(one_way),
    )
    owner = into if goes == "i" else merged
    return [TakenOut(table.name, owner, _opened(tenant, table, row["row"])) for row in rows]


def _opened(tenant: Tenant, table: Moved, row: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a tenant change: what is kept must not depend on the one that a value was written with."""
    opened = dict(row)
    for column in table.sealed:
        if opened[column] is not None:
            stored = bytes.fromhex(opened[column].removeprefix("\\x"))
            opened[column] = tenant.cipher.decrypt(stored, f"{table.name}.{column}").decode()
    return opened


def restore(connection: Connection, tenant: Tenant, taken: Sequence[TakenOut], *, merge_id: int | None = None) -> None:
    """Rows that gave way stand again, unless one of the same is there. `merge_id`: as moved by that merge."""
    by_name = {table.name: table for table in MOVED}
    for one in taken:
        table = by_name[one.table]
        row = dict(one.row) | {"customer_id": one.owner} | _indexed(tenant, one)
        for column in table.sealed:
            if row[column] is not None:
                row[column] = tenant.cipher.encrypt(str(row[column]).encode(), f"{table.name}.{column}")
        run(
            connection,
            f"with again as (insert into {table.name} overriding system value "  # noqa: S608 - a constant
            f"select * from jsonb_populate_record(null::{table.name}, cast(:row as jsonb)) on conflict do nothing "
            f"returning {', '.join((*table.key, *table.alters))}) "
            "insert into customer_merge_row (tenant_id, merge_id, table_name, row_key, was) "
            f"select :tenant_id, :merge_id, :table, {_object('again', table.key)}, {_object('again', table.alters)} "
            "from again where cast(:merge_id as bigint) is not null on conflict do nothing",
            tenant_id=tenant.id,
            merge_id=merge_id,
            table=table.name,
            row=as_json(row),
        )


def _indexed(tenant: Tenant, one: TakenOut) -> dict[str, bytes]:
    """An identity is found by a hash under the tenant's present key."""
    if one.table != "identity":
        return {}
    return {"hmac": key_of(tenant, Identity(str(one.row["kind"]), str(one.row["value"])))[1]}


def move_back(
    connection: Connection, tenant_id: TenantId, merge_id: int, into: CustomerId, merged: CustomerId
) -> dict[str, int]:
    """Rows that came with `merged`, are still the master's and not changed since, are its own again."""
    returned = dict[str, int]()
    for table in MOVED:
        same = " and ".join(f"t.{one} = k.{one}" for one in table.key)
        row = fetch_one(
            connection,
            f"with back as (update {table.name} t set customer_id = :merged from customer_merge_row r "  # noqa: S608
            f"cross join lateral jsonb_populate_record(null::{table.name}, r.row_key) k "
            "where r.tenant_id = :tenant_id and r.merge_id = :merge_id and r.table_name = :table "
            f"and t.tenant_id = :tenant_id and t.customer_id = :into and {same} "
            f"and {_object('t', table.alters)} = r.was returning r.row_key), "
            "done as (delete from customer_merge_row r using back where r.tenant_id = :tenant_id "
            "and r.merge_id = :merge_id and r.table_name = :table and r.row_key = back.row_key) "
            "select count(*) as n from back",
            tenant_id=tenant_id,
            merge_id=merge_id,
            table=table.name,
            merged=merged,
            into=into,
        )
        assert row is not None
        returned |= {table.name: int(row["n"])} if row["n"] else {}
    return returned


def load_scores(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, tuple[int, int]]:
    """(score, points) of those who have a row; locked."""
    rows = fetch_all(
        connection,
        "select customer_id, score, points from customer_score where tenant_id = :tenant_id "
        "and customer_id = any(:ids) order by customer_id for update",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["customer_id"]): (row["score"], row["points"]) for row in rows}


def add_scores(connection: Connection, tenant_id: TenantId, customer_id: CustomerId, score: int, points: int) -> None:
    run(
        connection,
        "insert into customer_score as s (tenant_id, customer_id, score, points) "
        "values (:tenant_id, :id, :score, :points) on conflict (tenant_id, customer_id) do update set "
        "score = s.score + excluded.score, points = s.points + excluded.points",
        tenant_id=tenant_id,
        id=customer_id,
        score=score,
        points=points,
    )


def drop_scores(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> None:
    run(
        connection,
        "delete from customer_score where tenant_id = :tenant_id and customer_id = :id",
        tenant_id=tenant_id,
        id=customer_id,
    )


def hand_on_standing(
    connection: Connection, tenant_id: TenantId, giver: CustomerId, taker: CustomerId, *, now: datetime
) -> None:
    """Standing and assignment follow from a contact's relations, and go where the contact goes."""
    run(
        connection,
        "with was as (select standing, assigned_userid, assigned_at, assignment_changed_at from customer "
        "where tenant_id = :tenant_id and id = :giver), "
        "cleared as (update customer set standing = 'none', assigned_userid = null, assigned_at = null, "
        "assignment_changed_at = null, updated_at = :now where tenant_id = :tenant_id and id = :giver) "
        "update customer u set standing = was.standing, assigned_userid = was.assigned_userid, "
        "assigned_at = was.assigned_at, assignment_changed_at = was.assignment_changed_at, updated_at = :now "
        "from was where u.tenant_id = :tenant_id and u.id = :taker",
        tenant_id=tenant_id,
        giver=giver,
        taker=taker,
        now=now,
    )


def count_rows(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> dict[str, int]:
    """How many rows of each table a merge of this record would move or take out; up to 100,001 of each."""
    found = dict[str, int]()
    for table in MOVED:
        row = fetch_one(
            connection,
            f"select count(*) as n from (select from {table.name} where tenant_id = :tenant_id "  # noqa: S608
            "and customer_id = :id limit 100001) one",
            tenant_id=tenant_id,
            id=customer_id,
        )
        assert row is not None
        found |= {table.name: int(row["n"])} if row["n"] else {}
    return found
