"""Rows of persons: identities, the retailer's own fields, merged records."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.persons.model import EXTERNAL_USERID, Identity, Key, RecordedIdentity, Source
from services.persons.plan import Candidate
from shared.db.engine import as_bytes, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.requests import Subject, lock
from shared.tenants import Tenant

VALUE, OWN = "identity.value", "customer.own"
"""Encryption contexts."""
ALL_IDENTITIES = "hashtextextended(:of_all, 0)"
"""The lock that everybody shares who locks some identities."""


def key_of(tenant: Tenant, identity: Identity) -> Key:
    if identity.kind == EXTERNAL_USERID:  # WeCom's id, in the clear in its own table
        return identity.kind, identity.value.encode()
    return identity.kind, tenant.cipher.index(identity.kind, identity.value)


def lock_identities(connection: Connection, tenant: Tenant, keys: Iterable[Key]) -> None:
    """Nobody else finds or makes a person by one of these until the transaction ends. Before any row is locked."""
    run(connection, f"select pg_advisory_xact_lock_shared({ALL_IDENTITIES})", of_all=_all_of(tenant))
    lock(connection, [Subject(tenant.id, "identity", f"{kind}/{token.hex()}") for kind, token in keys])


def lock_all_identities(connection: Connection, tenant: Tenant) -> None:
    """Nobody else finds or makes any person of the corp until the transaction ends, which is to be soon.

    For who looks after thousands at once: PostgreSQL keeps room for some thousand locks, for all transactions together.
    """
    run(connection, f"select pg_advisory_xact_lock({ALL_IDENTITIES})", of_all=_all_of(tenant))


def _all_of(tenant: Tenant) -> str:
    return f"{tenant.id}/identities"


def find_customers(
    connection: Connection, tenant_id: TenantId, keys: Sequence[Key]
) -> dict[Key, dict[CustomerId, bool]]:
    """Who has these identities -> whether verified; merged records as what they were merged into."""
    rows = fetch_all(
        connection,
        "select g.n, coalesce(u.merged_into, u.id) as id, bool_or(f.verified) as verified from unnest("
        "cast(:kinds as text[]), cast(:tokens as bytea[])) with ordinality as g(kind, token, n) "
        "cross join lateral (select i.customer_id, i.verified from identity i where i.tenant_id = :tenant_id "
        "and i.kind = g.kind and i.hmac = g.token union all select c.customer_id, true from external_contact c "
        "where g.kind = 'external_userid' and c.tenant_id = :tenant_id "
        "and c.external_userid = convert_from(g.token, 'UTF8')) as f "
        "join customer u on u.tenant_id = :tenant_id and u.id = f.customer_id group by 1, 2 order by 1, 2",
        tenant_id=tenant_id,
        kinds=[kind for kind, _ in keys],
        tokens=as_bytes(token for _, token in keys),
    )
    found: dict[Key, dict[CustomerId, bool]] = {key: {} for key in keys}
    for row in rows:
        found[keys[row["n"] - 1]][CustomerId(row["id"])] = row["verified"]
    return found


LOCK = """
with led as (select id, merged_into from customer where tenant_id = :tenant_id
    and (id = any(:ids) or (:merged_too and merged_into = any(:ids))))
select id, merged_into from customer where tenant_id = :tenant_id
and id in (select id from led union select merged_into from led) order by id for update
"""


def lock_customers(
    connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId], *, merged_too: bool = False
) -> dict[CustomerId, CustomerId]:
    """Lock the rows until the transaction ends; each id -> the one that stands for it now. Unknown ids are left out.

    Whom an id leads to is locked with it, and by `merged_too` whoever leads to it (who merges writes them): all at once
    and in the order of ids, so that nobody waits for somebody who waits for them.
    """
    stands: dict[CustomerId, CustomerId] = {}
    wanted = set(customer_ids)
    while wanted:
        rows = fetch_all(connection, LOCK, tenant_id=tenant_id, ids=sorted(wanted), merged_too=merged_too)
        stands |= {CustomerId(row["id"]): CustomerId(row["merged_into"] or row["id"]) for row in rows}
        wanted = set(stands.values()) - stands.keys()  # merged while we waited for the lock
    return stands


def standing_for(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> CustomerId | None:
    """The record that stands for this id: itself, or what it was merged into; None: no such customer."""
    row = fetch_one(
        connection,
        "select coalesce(merged_into, id) as id from customer where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=customer_id,
    )
    return CustomerId(row["id"]) if row else None


def load_candidates(connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId]) -> list[Candidate]:
    """Each with all identities, WeCom's ids among them."""
    ids = sorted(set(customer_ids))
    rows = fetch_all(
        connection,
        "select customer_id, kind, hmac as token, verified from identity where tenant_id = :tenant_id "
        "and customer_id = any(:ids) union all select customer_id, 'external_userid', "
        "convert_to(external_userid, 'UTF8'), true from external_contact where tenant_id = :tenant_id "
        "and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=ids,
    )
    found: dict[CustomerId, dict[Key, bool]] = {one: {} for one in ids}
    for row in rows:
        found[CustomerId(row["customer_id"])][(row["kind"], bytes(row["token"]))] = row["verified"]
    return [Candidate(one, identities) for one, identities in found.items()]


def make_customer(connection: Connection, tenant_id: TenantId, *, now: datetime) -> CustomerId:
    """A person who is no WeCom friend: their standing is `none`."""
    row = fetch_one(
        connection,
        "insert into customer (tenant_id, created_at, updated_at) values (:tenant_id, :now, :now) returning id",
        tenant_id=tenant_id,
        now=now,
    )
    assert row is not None
    return CustomerId(row["id"])


def touch(connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId], *, now: datetime) -> None:
    """Something that is shown of these customers has changed."""
    ids = sorted(set(customer_ids))
    if not ids:
        return
    run(
        connection,
        "update customer set updated_at = :now where tenant_id = :tenant_id and id = any(:ids) and updated_at < :now",
        tenant_id=tenant_id,
        ids=ids,
        now=now,
    )


def record_identities(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    identities: Sequence[Identity],
    *,
    source: Source,
    now: datetime,
) -> list[Identity]:
    """Those that are new, or verified now and were not before."""
    held = [one for one in identities if one.kind != EXTERNAL_USERID]
    if not held:
        return []
    rows = [
        {
            "n": n,
            "kind": one.kind,
            "hmac": key_of(tenant, one)[1],
            "value": tenant.cipher.encrypt(one.value.encode(), VALUE),
            "verified": one.verified,
        }
        for n, one in enumerate(held)
    ]
    changed = fetch_all(
        connection,
        "with given as (select * from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r(n int, kind text, hmac bytea, value bytea, verified boolean)), "
        "written as (insert into identity as i (tenant_id, kind, hmac, customer_id, value, verified, source, "
        "created_at) select :tenant_id, kind, hmac, :customer_id, value, verified, :source, :now from given "
        "order by kind, hmac on conflict (tenant_id, kind, hmac, customer_id) do update set verified = true "
        "where excluded.verified and not i.verified returning kind, hmac) "
        "select g.n from given g join written using (kind, hmac) order by 1",
        tenant_id=tenant.id,
        customer_id=customer_id,
        source=source,
        now=now,
        rows=as_json(rows),
    )
    return [held[row["n"]] for row in changed]


def remove_identity(connection: Connection, tenant_id: TenantId, customer_id: CustomerId, key: Key) -> bool:
    return (
        run(
            connection,
            "delete from identity where tenant_id = :tenant_id and customer_id = :id and kind = :kind "
            "and hmac = :token",
            tenant_id=tenant_id,
            id=customer_id,
            kind=key[0],
            token=key[1],
        )
        > 0
    )


def load_identities(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> list[RecordedIdentity]:
    rows = fetch_all(
        connection,
        "select kind, value, verified, source, created_at from identity where tenant_id = :tenant_id "
        "and customer_id = :id order by kind, created_at, hmac",
        tenant_id=tenant.id,
        id=customer_id,
    )
    contacts = fetch_all(
        connection,
        "select external_userid from external_contact where tenant_id = :tenant_id and customer_id = :id order by 1",
        tenant_id=tenant.id,
        id=customer_id,
    )
    theirs = [
        RecordedIdentity(Identity(EXTERNAL_USERID, row["external_userid"], verified=True), "wecom", None)
        for row in contacts
    ]
    return theirs + [
        RecordedIdentity(
            Identity(row["kind"], tenant.cipher.decrypt(row["value"], VALUE).decode(), row["verified"]),
            row["source"],
            row["created_at"],
        )
        for row in rows
    ]


def load_own(
    connection: Connection, tenant: Tenant, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, dict[str, Any]]:
    """The retailer's own fields of each; {} where there are none."""
    rows = fetch_all(
        connection,
        "select id, own from customer where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(customer_ids),
    )
    return {
        CustomerId(row["id"]): orjson.loads(tenant.cipher.decrypt(row["own"], OWN)) if row["own"] else {}
        for row in rows
    }


def record_owns(
    connection: Connection, tenant: Tenant, owns: Mapping[CustomerId, Mapping[str, object]], *, now: datetime
) -> None:
    """The own fields of many customers, who are locked."""
    if not owns:
        return
    rows = [
        {"id": one, "own": tenant.cipher.encrypt(orjson.dumps(own), OWN) if own else None}
        for one, own in sorted(owns.items())
    ]
    run(
        connection,
        "update customer u set own = r.own, updated_at = greatest(u.updated_at, :now) "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, own bytea) "
        "where u.tenant_id = :tenant_id and u.id = r.id",
        tenant_id=tenant.id,
        rows=as_json(rows),
        now=now,
    )


def record_own(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, own: Mapping[str, object], *, now: datetime
) -> None:
    run(
        connection,
        "update customer set own = :own, updated_at = :now where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=customer_id,
        own=tenant.cipher.encrypt(orjson.dumps(own), OWN) if own else None,
        now=now,
    )


def merged_ids(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "select id from customer where tenant_id = :tenant_id and merged_into = :id order by id",
        tenant_id=tenant_id,
        id=customer_id,
    )
    return [CustomerId(row["id"]) for row in rows]
