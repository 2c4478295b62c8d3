"""Rows of matches: a contact of WeCom's, and those whom the retailer knew and it is or may be (POOL-9)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.pool.model import Holder, Match, NoSuchError
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import CustomerId, ExternalUserId, TenantId

BY_PHONE = """
select g.n, u.id as customer_id, i.verified, p.userid
from unnest(cast(:tokens as bytea[])) with ordinality as g(token, n)
join identity i on i.tenant_id = :tenant_id and i.kind = 'phone' and i.hmac = g.token
join customer u on u.tenant_id = i.tenant_id and u.id = i.customer_id and u.merged_into is null
join pool_record p on p.tenant_id = u.tenant_id and p.customer_id = u.id
where not exists (select from external_contact e where e.tenant_id = u.tenant_id and e.customer_id = u.id)
order by g.n, u.id
"""
BY_UNIONID = """
select g.n, u.id as customer_id
from unnest(cast(:tokens as bytea[]), cast(:customers as bigint[])) with ordinality as g(token, customer, n)
join identity i on i.tenant_id = :tenant_id and i.kind = 'unionid' and i.hmac = g.token and i.customer_id <> g.customer
join customer u on u.tenant_id = i.tenant_id and u.id = i.customer_id and u.merged_into is null
where not exists (select from external_contact e where e.tenant_id = u.tenant_id and e.customer_id = u.id)
order by g.n, u.id
"""


def phone_holders(connection: Connection, tenant_id: TenantId, tokens: Sequence[bytes]) -> dict[int, list[Holder]]:
    """Place in `tokens` -> people of the pool who have the phone and are no contact yet."""
    found: dict[int, list[Holder]] = {}
    for row in fetch_all(connection, BY_PHONE, tenant_id=tenant_id, tokens=list(tokens)):
        one = Holder(CustomerId(row["customer_id"]), row["verified"], row["userid"])
        found.setdefault(row["n"] - 1, []).append(one)
    return found


def unionid_holders(
    connection: Connection, tenant_id: TenantId, tokens: Sequence[bytes], customers: Sequence[CustomerId]
) -> dict[int, list[CustomerId]]:
    """Place in `tokens` -> others than the contact's own customer who have the unionid and are no contact yet."""
    rows = fetch_all(connection, BY_UNIONID, tenant_id=tenant_id, tokens=list(tokens), customers=list(customers))
    found: dict[int, list[CustomerId]] = {}
    for row in rows:
        found.setdefault(row["n"] - 1, []).append(CustomerId(row["customer_id"]))
    return found


def state_holders(connection: Connection, tenant_id: TenantId, states: Sequence[str]) -> dict[str, CustomerId]:
    """State of a contact way -> the one person for whom it was made."""
    rows = fetch_all(
        connection,
        "select s.state, coalesce(u.merged_into, u.id) as id from pool_state s "
        "join customer u on u.tenant_id = s.tenant_id and u.id = s.customer_id "
        "where s.tenant_id = :tenant_id and s.state = any(:states)",
        tenant_id=tenant_id,
        states=sorted(set(states)),
    )
    return {row["state"]: CustomerId(row["id"]) for row in rows}


def note_matches(
    connection: Connection,
    tenant_id: TenantId,
    matches: Sequence[Match],
    *,
    cause: str,
    caused_by: str | None,
    now: datetime,
) -> list[Match]:
    """Keep matches, each once: what a person has dismissed does not come again. Those that are new."""
    rows = [
        {"n": n, **match.__dict__, "state": "sure" if match.sure else "open"}
        for n, match in enumerate(matches)
        if match.customer_ids
    ]
    if not rows:
        return []
    kept = fetch_all(
        connection,
        "with given as (select * from jsonb_to_recordset(cast(:rows as jsonb)) as r(n int, external_userid text, "
        "userid text, how text, customer_ids bigint[], state text)), "
        "kept as (insert into pool_match (tenant_id, external_userid, userid, how, customer_ids, state, cause, "
        "caused_by, found_at) select :tenant_id, external_userid, userid, how, customer_ids, state, :cause, "
        ":caused_by, :now from given order by external_userid, userid, how on conflict do nothing "
        "returning external_userid, userid, how, customer_ids) "
        "select min(g.n) as n from given g join kept using (external_userid, userid, how, customer_ids) "
        "group by external_userid, userid, how, customer_ids order by 1",
        tenant_id=tenant_id,
        cause=cause,
        caused_by=caused_by,
        now=now,
        rows=as_json(rows),
    )
    return [matches[row["n"]] for row in kept]


def tenants_with_sure(connection: Connection) -> list[TenantId]:
    """Corps with matches that are to be carried out."""
    rows = fetch_all(connection, "select distinct tenant_id from pool_match where state = 'sure' order by tenant_id")
    return [TenantId(row["tenant_id"]) for row in rows]


def next_sure(connection: Connection, tenant_id: TenantId) -> Row | None:
    """A match that is to be carried out, locked until the transaction ends."""
    return fetch_one(
        connection,
        "select m.*, e.customer_id from pool_match m left join external_contact e on e.tenant_id = m.tenant_id "
        "and e.external_userid = m.external_userid where m.tenant_id = :tenant_id and m.state = 'sure' "
        "order by m.id limit 1 for update of m skip locked",
        tenant_id=tenant_id,
    )


def lock_match(connection: Connection, tenant_id: TenantId, match_id: int) -> Row:
    """
    Raises:
        NoSuchError: no such match, or it is settled.
    """
    row = fetch_one(
        connection,
        "select m.*, e.customer_id from pool_match m left join external_contact e on e.tenant_id = m.tenant_id "
        "and e.external_userid = m.external_userid where m.tenant_id = :tenant_id and m.id = :id "
        "and m.state = 'open' for update of m",
        tenant_id=tenant_id,
        id=match_id,
    )
    if row is None:
        raise NoSuchError(f"no open match {match_id}")
    return row


def settle_match(
    connection: Connection,
    row: Row,
    *,
    state: str,
    by: str | None,
    now: datetime,
    problem: str | None = None,
) -> None:
    run(
        connection,
        "update pool_match set state = :state, problem = :problem, settled_by = :by, "
        "settled_at = case when cast(:by as text) is null then null else cast(:now as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id",
        state=state,
        problem=problem,
        by=by,
        now=now,
        tenant_id=row["tenant_id"],
        id=row["id"],
    )


def load_matches(connection: Connection, tenant_id: TenantId, *, after: int, limit: int) -> Sequence[Row]:
    """Open ones in the order of their ids."""
    return fetch_all(
        connection,
        "select m.*, e.customer_id from pool_match m left join external_contact e on e.tenant_id = m.tenant_id "
        "and e.external_userid = m.external_userid where m.tenant_id = :tenant_id and m.state = 'open' "
        "and m.id > :after order by m.id limit :limit",
        tenant_id=tenant_id,
        after=after,
        limit=limit,
    )


def known_customers(
    connection: Connection, tenant_id: TenantId, keys: Sequence[ExternalUserId]
) -> dict[ExternalUserId, CustomerId]:
    """The customers of contacts."""
    rows = fetch_all(
        connection,
        "select external_userid, customer_id from external_contact where tenant_id = :tenant_id "
        "and external_userid = any(:keys) and customer_id is not null",
        tenant_id=tenant_id,
        keys=list(keys),
    )
    return {ExternalUserId(row["external_userid"]): CustomerId(row["customer_id"]) for row in rows}
