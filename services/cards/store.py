"""Rows of cards: made anew from what they are derived from, for those that are due; written only where they differ."""

from collections.abc import Iterable, Mapping, Sequence

import orjson
from sqlalchemy import Connection

from services.cards.made import REFRESH
from services.cards.model import Described, Pieces, Refreshed, Sources, described, names_of
from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

OWN = "customer.own"
NUMBERS = frozenset({"number", "date"})
"""Kinds of custom fields that are asked for by range."""
WINDOW = 10
"""Marks that are looked at for each customer of a batch."""


def tenants_due(connection: Connection) -> list[TenantId]:
    """Tenants with a card that is due, whatever their number of marks."""
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from card_due d where d.tenant_id = t.id) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def take_due(connection: Connection, tenant_id: TenantId, *, limit: int) -> list[CustomerId] | None:
    """Take the marks of up to `limit` customers and say whose they are; None while somebody else refreshes this
    tenant's cards.

    One at a time: whoever read earlier must not write later. The lock ends with the transaction. What makes a
    customer leaves several marks, near each other: those within the window are taken with the first.
    """
    if not lock_cards(connection, tenant_id):
        return None
    rows = fetch_all(
        connection,
        "with near as materialized (select id, customer_id from card_due where tenant_id = :tenant_id "
        "order by id limit :window), "
        "chosen as (select customer_id from near group by customer_id order by min(id) limit :limit), "
        "taken as (delete from card_due d using near n join chosen using (customer_id) "
        "where d.tenant_id = :tenant_id and d.id = n.id returning d.customer_id) "
        "select distinct customer_id from taken order by 1",
        tenant_id=tenant_id,
        limit=limit,
        window=limit * WINDOW,
    )
    return [CustomerId(row["customer_id"]) for row in rows]


def lock_cards(connection: Connection, tenant_id: TenantId) -> bool:
    """Nobody else makes this tenant's cards until the transaction ends; False: somebody does just now."""
    row = fetch_one(
        connection, "select pg_try_advisory_xact_lock(hashtext('cards'), cast(:id as int)) as got", id=tenant_id
    )
    return bool(row and row["got"])


def refresh_cards(connection: Connection, tenant: Tenant, customer_ids: Iterable[CustomerId]) -> list[Refreshed]:
    """Make these cards anew; those that are different now. Of merged and unknown customers no card stays.

    The caller holds the tenant's lock (`take_due`), or the customers' rows.
    """
    ids = sorted(set(customer_ids))
    if not ids:
        return []
    kinds = _open_fields(connection, tenant.id)
    sources = _load_sources(connection, tenant, ids)
    told = [described(one, kinds) for one in sources]
    _remove_gone(connection, tenant.id, ids)
    _record_names(connection, tenant, sources)
    rows = fetch_all(connection, REFRESH, tenant_id=tenant.id, ids=ids, described=as_json([_row(one) for one in told]))
    refreshed = [Refreshed(CustomerId(row["customer_id"]), frozenset(row["changes"])) for row in rows]
    _record_numbers(connection, tenant.id, refreshed, told, kinds)
    return refreshed


def _open_fields(connection: Connection, tenant_id: TenantId) -> dict[str, str]:
    rows = fetch_all(
        connection,
        "select key, kind from custom_field where tenant_id = :tenant_id and not personal and deleted_at is null",
        tenant_id=tenant_id,
    )
    return {row["key"]: row["kind"] for row in rows}


def _load_sources(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> list[Sources]:
    rows = fetch_all(
        connection,
        "with e as (select e.customer_id, array_agg(e.name) filter (where e.name is not null) as names, "
        "array_agg(e.gender order by e.external_userid) as genders, "
        "array_agg(e.corp_name) filter (where e.corp_name is not null) as companies from external_contact e "
        "where e.tenant_id = :tenant_id and e.customer_id = any(:ids) group by 1), "
        "r as (select e.customer_id, array_agg(r.remark) filter (where r.remark is not null) as remarks, "
        "array_agg(r.remark_corp_name) filter (where r.remark_corp_name is not null) as companies "
        "from external_contact e join relation r using (tenant_id, external_userid) "
        "where e.tenant_id = :tenant_id and e.customer_id = any(:ids) group by 1) "
        "select u.id, u.own, n.digest, coalesce(e.names, '{}') || coalesce(r.remarks, '{}') as names, e.genders, "
        "coalesce(e.companies, '{}') || coalesce(r.companies, '{}') as companies "
        "from customer u left join e on e.customer_id = u.id left join r on r.customer_id = u.id "
        "left join customer_name n on n.tenant_id = u.tenant_id and n.customer_id = u.id "
        "where u.tenant_id = :tenant_id and u.id = any(:ids) and u.merged_into is null",
        tenant_id=tenant.id,
        ids=ids,
    )
    return [
        Sources(
            CustomerId(row["id"]),
            orjson.loads(tenant.cipher.decrypt(row["own"], OWN)) if row["own"] else {},
            row["names"],
            row["companies"],
            row["genders"] or (),
            bytes(row["digest"]) if row["digest"] else None,
        )
        for row in rows
    ]


def _row(one: Described) -> dict[str, object]:
    return {
        "customer_id": one.customer_id,
        "gender": one.gender,
        "level": one.level,
        "birthday": one.birthday,
        "fields": dict(one.fields),
    }


def _remove_gone(connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId]) -> None:
    for table in ("customer_card", "customer_name", "customer_number"):
        run(
            connection,
            f"delete from {table} k where k.tenant_id = :tenant_id and k.customer_id = any(:ids) "  # noqa: S608 - constants
            "and not exists (select from customer u where u.tenant_id = k.tenant_id and u.id = k.customer_id "
            "and u.merged_into is null)",
            tenant_id=tenant_id,
            ids=ids,
        )


def _record_names(connection: Connection, tenant: Tenant, sources: Sequence[Sources]) -> None:
    making, rows = Pieces(tenant.cipher), []
    for one in sources:
        names = names_of(one)
        digest = making.digest(names)
        if digest != one.digest:
            rows.append({"customer_id": one.customer_id, "digest": digest, "pieces": making.numbers(names)})
    if rows:
        run(
            connection,
            "insert into customer_name (tenant_id, customer_id, digest, pieces) "
            "select :tenant_id, customer_id, digest, pieces from jsonb_to_recordset(cast(:rows as jsonb)) "
            "as r(customer_id bigint, digest bytea, pieces bigint[]) on conflict (tenant_id, customer_id) "
            "do update set digest = excluded.digest, pieces = excluded.pieces",
            tenant_id=tenant.id,
            rows=as_json(rows),
        )


def _record_numbers(
    connection: Connection,
    tenant_id: TenantId,
    refreshed: Sequence[Refreshed],
    told: Sequence[Described],
    kinds: Mapping[str, str],
) -> None:
    ids = [one.customer_id for one in refreshed if "fields" in one.changes]
    if not ids:
        return
    run(
        connection,
        "delete from customer_number where tenant_id = :tenant_id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=ids,
    )
    changed = set(ids)
    rows = [
        {"customer_id": one.customer_id, "key": key, kinds[key]: value}
        for one in told
        if one.customer_id in changed
        for key, value in one.fields.items()
        if kinds[key] in NUMBERS
    ]
    if rows:
        run(
            connection,
            "insert into customer_number (tenant_id, customer_id, key, value) "
            "select :tenant_id, customer_id, key, coalesce(number, date - date '1970-01-01') "
            "from jsonb_to_recordset(cast(:rows as jsonb)) "
            'as r(customer_id bigint, key text, number numeric, "date" date)',
            tenant_id=tenant_id,
            rows=as_json(rows),
        )
