"""A block of an import in the database: who is known is loaded, what was planned is written, for all rows at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.associates.adding import who_can_add
from services.files.model import Failure, Row
from services.files.plan import BlockPlan, Known, Person
from services.intents.model import Source
from services.persons.model import CUSTOMER, EXTERNAL_USERID
from services.persons.store import OWN, VALUE, find_customers, load_candidates, load_own, lock_customers, touch
from services.planning import Fact
from services.pool.entering import enter
from services.pool.giving import OPEN, give
from services.pool.model import Act, Entry
from services.segments.by_hand import put_in
from services.waiting.model import Why
from services.waiting.store import keep
from shared.audit import Change, Origin, record_audit
from shared.db.engine import as_bytes, fetch_all, run
from shared.ids import CustomerId, UserId
from shared.tenants import Tenant


def load_known(connection: Connection, tenant: Tenant, rows: Iterable[Row | Failure], *, locked: bool) -> list[Known]:
    """Customers who have an identity of these rows. `locked`: their rows stay locked until the transaction ends."""
    keys = list({key: None for row in rows if isinstance(row, Row) for key in row.keys})
    found = {one for having in find_customers(connection, tenant.id, keys).values() for one in having}
    if locked:
        found = set(lock_customers(connection, tenant.id, found).values())
    ids = sorted(found)
    candidates = load_candidates(connection, tenant.id, ids)
    own = load_own(connection, tenant, ids)
    others = _held(connection, tenant, ids)
    return [Known(one, own[one.customer_id], **others[one.customer_id]) for one in candidates]


def _held(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> dict[CustomerId, dict[str, Any]]:
    """What they have of what an import gives: local tags, corp tags, segments, a place in the pool."""
    rows = fetch_all(
        connection,
        "select c.id, c.standing <> 'none' or p.customer_id is not null as pooled, "
        "array(select t.tag_id from customer_tag t where t.tenant_id = c.tenant_id and t.customer_id = c.id) "
        "as tag_ids, "
        "array(select w.tag_id from waiting_tag w where w.tenant_id = c.tenant_id and w.customer_id = c.id "
        "union select unnest(r.corp_tag_ids) from external_contact e join relation r on r.tenant_id = e.tenant_id "
        "and r.external_userid = e.external_userid and r.userid = c.assigned_userid and r.state = 'active' "
        "where e.tenant_id = c.tenant_id and e.customer_id = c.id) as corp_tag_ids, "
        "array(select m.segment_id from segment_member m where m.tenant_id = c.tenant_id and m.customer_id = c.id) "
        "as segment_ids from customer c "
        "left join pool_record p on p.tenant_id = c.tenant_id and p.customer_id = c.id "
        "where c.tenant_id = :tenant_id and c.id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    named = ("tag_ids", "corp_tag_ids", "segment_ids")
    return {
        CustomerId(row["id"]): {name: frozenset(row[name]) for name in named} | {"pooled": row["pooled"]}
        for row in rows
    }


def new_customer_ids(connection: Connection, count: int) -> Iterator[CustomerId]:
    rows = fetch_all(connection, "select nextval('customer_id_seq') as id from generate_series(1, :n)", n=count)
    return iter([CustomerId(row["id"]) for row in rows])


def write_block(
    connection: Connection, tenant: Tenant, plan: BlockPlan, *, job_id: int, by_whom: str, now: datetime
) -> list[Fact]:
    """What it did in the pool, as facts. The caller shares the directory, and holds the customers' locks."""
    _write_customers(connection, tenant, plan.persons, now=now)
    _write_identities(connection, tenant, plan.persons, now=now)
    _write_tags(connection, tenant, plan.persons, by_whom=f"import:{job_id}", now=now)
    _keep_corp_tags(connection, tenant, plan.persons, Why(by_whom, Source.API, None, f"import:{job_id}"), now=now)
    _put_into_segments(connection, tenant, plan.persons, by_whom=f"import:{job_id}", now=now)
    changes = [_change(one) for one in plan.persons if not one.made]
    record_audit(connection, tenant, changes, Origin(by_whom, None, now))
    return _enter_pool(connection, tenant, plan.persons, Act("import", by_whom, now))


def _write_customers(connection: Connection, tenant: Tenant, persons: Iterable[Person], *, now: datetime) -> None:
    def sealed(own: Mapping[str, Any]) -> bytes | None:
        return tenant.cipher.encrypt(orjson.dumps(own), OWN) if own else None

    values = {"tenant_id": tenant.id, "now": now}
    if made := [one for one in persons if one.made]:
        run(
            connection,
            "insert into customer (tenant_id, id, own, created_at, updated_at) select :tenant_id, id, own, :now, :now "
            "from unnest(cast(:ids as bigint[]), cast(:owns as bytea[])) as r(id, own)",
            ids=[one.customer_id for one in made],
            owns=as_bytes(sealed(one.own) for one in made),
            **values,
        )
    if edited := [one for one in persons if not one.made and one.own_changed]:
        run(
            connection,
            "update customer c set own = r.own, updated_at = :now from unnest(cast(:ids as bigint[]), "
            "cast(:owns as bytea[])) as r(id, own) where c.tenant_id = :tenant_id and c.id = r.id",
            ids=[one.customer_id for one in edited],
            owns=as_bytes(sealed(one.own) for one in edited),
            **values,
        )
    touch(connection, tenant.id, [one.customer_id for one in persons if not one.made], now=now)


def _write_identities(connection: Connection, tenant: Tenant, persons: Iterable[Person], *, now: datetime) -> None:
    added = [
        (one.customer_id, kind, token, tenant.cipher.encrypt(identity.value.encode(), VALUE))
        for one in persons
        for (kind, token), identity in one.added.items()
        if kind != EXTERNAL_USERID
    ]
    if added:
        ids, kinds, tokens, sealed = zip(*added, strict=True)
        run(
            connection,
            "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
            "select :tenant_id, kind, token, id, value, false, 'import', :now from unnest(cast(:ids as bigint[]), "
            "cast(:kinds as text[]), cast(:tokens as bytea[]), cast(:sealed as bytea[])) as r(id, kind, token, value) "
            "on conflict do nothing",
            tenant_id=tenant.id,
            now=now,
            ids=list(ids),
            kinds=list(kinds),
            tokens=as_bytes(tokens),
            sealed=as_bytes(sealed),
        )


def _write_tags(
    connection: Connection, tenant: Tenant, persons: Iterable[Person], *, by_whom: str, now: datetime
) -> None:
    given = [(one.customer_id, tag_id) for one in persons for tag_id in sorted(one.tags)]
    if given:
        run(
            connection,
            # A tag that was deleted since the file was checked is given to nobody any more.
            "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) select t.tenant_id, r.id, "
            "t.id, :now, :by from unnest(cast(:ids as bigint[]), cast(:tags as bigint[])) as r(id, tag_id) "
            "join local_tag t on t.tenant_id = :tenant_id and t.id = r.tag_id and t.deleted_at is null "
            "on conflict do nothing",
            tenant_id=tenant.id,
            now=now,
            by=by_whom,
            ids=[one for one, _ in given],
            tags=[tag_id for _, tag_id in given],
        )


def _keep_corp_tags(
    connection: Connection, tenant: Tenant, persons: Iterable[Person], why: Why, *, now: datetime
) -> None:
    """They wait, also of those who have a friend: that is looked at within seconds, and no import locks contacts."""
    keep(connection, tenant.id, [(one.customer_id, tag) for one in persons for tag in one.corp_tags], why, now=now)


def _put_into_segments(
    connection: Connection, tenant: Tenant, persons: Iterable[Person], *, by_whom: str, now: datetime
) -> None:
    members: dict[int, list[CustomerId]] = {}
    for one in persons:
        for segment_id in one.segments:
            members.setdefault(segment_id, []).append(one.customer_id)
    put_in(connection, tenant.id, members, by=by_whom, now=now)


def _enter_pool(connection: Connection, tenant: Tenant, persons: Iterable[Person], act: Act) -> list[Fact]:
    """Who is no friend, and not in the pool, enters it, and goes to the associate whom the row names (POOL-1).

    An associate who cannot add customers (any more) gets nobody: those rows wait in the pool.
    """
    entering = {one.customer_id: one.pool for one in persons if one.pool is not None}
    if not entering:
        return []
    entered = enter(connection, tenant, [Entry(one, source) for one, (source, _) in entering.items()], act)
    there = who_can_add(connection, tenant.id, {UserId(userid) for _, userid in entering.values() if userid})
    named = {one: UserId(entering[one][1] or "") for one in entered.customer_ids}
    pairs = {one: userid for one, userid in named.items() if userid in there}
    given = give(connection, tenant, pairs, act, of=OPEN) if pairs else None
    return [*entered.facts, *(given.facts if given else ())]


def _change(person: Person) -> Change:
    """Own fields before and after, and what was added: kinds of identities with their values, ids of tags."""
    names = [name for name in person.own if person.own[name] != person.before.get(name)]
    after: dict[str, object] = {name: person.own[name] for name in names}
    if person.added:
        after["identities"] = [[one.kind, one.value] for one in person.added.values()]
    given = {
        "tag_ids": sorted(person.tags),
        "waiting": sorted(person.corp_tags),
        "segment_ids": sorted(person.segments),
    }
    after |= {name: ids for name, ids in given.items() if ids}
    before = {name: person.before.get(name) for name in names}
    return Change("customer.imported", CUSTOMER, str(person.customer_id), before, after)
