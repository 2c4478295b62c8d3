"""Out of the pool: whoever is a friend now; back into it: what leavers had; and what merges (POOL-9, POOL-10)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.associates.store import share_directory
from services.pool.model import Act, How, PoolAdded, PoolReturned, Status
from services.pool.moving import release_of, returned_facts
from services.pool.store import IS_FRIEND, lock_records, step
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId, UserId

FRIEND_OF = (
    "select r.userid from external_contact e join relation r on r.tenant_id = e.tenant_id "
    "and r.external_userid = e.external_userid where e.tenant_id = p.tenant_id and e.customer_id = p.customer_id "
    "and r.state in ('active', 'out_of_sight') order by r.started_at desc nulls last, r.userid limit 1"
)
FRIENDS = f"""
select p.customer_id, coalesce(({FRIEND_OF}), p.userid) as userid from pool_record p
where p.tenant_id = :tenant_id and p.customer_id = any(:ids) and p.status <> 'added'
  and {IS_FRIEND.format("p", "customer_id")}
"""  # noqa: S608 - constants
MOST = 1000


def leave_of_friends(
    connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId], *, how: How, now: datetime
) -> list[PoolAdded]:
    """Those of them who are in the pool and somebody's friend now leave it (POOL-9); facts."""
    waiting = fetch_all(
        connection,
        "select customer_id as id from pool_record where tenant_id = :tenant_id and customer_id = any(:ids) "
        "and status <> 'added'",
        tenant_id=tenant_id,
        ids=sorted(set(customer_ids)),
    )
    ids = [row["id"] for row in waiting]
    if not ids:
        return []
    lock_records(connection, tenant_id, ids)
    act = Act("recognised", "system", now)
    moved = step(connection, tenant_id, FRIENDS, {"ids": ids}, to=Status.ADDED, act=act, reason=how)
    return [
        PoolAdded(occurred_at=now, customer_id=one, userid=moving.to_userid, how=how, from_userid=moving.from_userid)
        for moving in moved
        for one in moving.customer_ids
    ]


LEAVERS = """
select l.userid, a.gone_at is not null as gone, a.userid is null or (a.has_contact and a.gone_at is null) as back,
  a.renamed_to
from pool_leaver l left join associate a using (tenant_id, userid) where l.tenant_id = :tenant_id order by l.userid
"""
THEIRS = (
    "select customer_id, cast(null as text) as userid from pool_record where tenant_id = :tenant_id "
    "and customer_id = any(:ids) and userid = :leaver and status = any(:of)"
)


def tenants_with_leavers(connection: Connection) -> list[TenantId]:
    rows = fetch_all(connection, "select distinct tenant_id from pool_leaver order by tenant_id")
    return [TenantId(row["tenant_id"]) for row in rows]


def return_of_leavers(
    connection: Connection, tenant_id: TenantId, *, grace: timedelta, now: datetime
) -> tuple[PoolReturned, ...]:
    """The next records of associates who left, or have been without the function for `grace`, are nobody's again.

    Who left for certain is believed at once. A function that is missing may be a scope that was cut by mistake.
    """
    share_directory(connection, tenant_id)
    for row in fetch_all(connection, LEAVERS, tenant_id=tenant_id):
        userid = UserId(row["userid"])
        if row["back"] or row["renamed_to"] is not None:
            _forget(connection, tenant_id, userid)
        elif row["gone"] or _gone_for(connection, tenant_id, userid, now=now) >= grace:
            facts = _return(connection, tenant_id, userid, now=now)
            if facts:  # of one associate in one transaction: records are locked in one order
                return facts
    return ()


def _gone_for(connection: Connection, tenant_id: TenantId, userid: UserId, *, now: datetime) -> timedelta:
    (row,) = fetch_all(
        connection,
        "update pool_leaver set seen_at = coalesce(seen_at, :now) where tenant_id = :tenant_id and userid = :userid "
        "returning seen_at",
        tenant_id=tenant_id,
        userid=userid,
        now=now,
    )
    return now - row["seen_at"]  # type: ignore[no-any-return]


def _return(connection: Connection, tenant_id: TenantId, userid: UserId, *, now: datetime) -> tuple[PoolReturned, ...]:
    rows = fetch_all(
        connection,
        "select customer_id as id from pool_record where tenant_id = :tenant_id and userid = :userid "
        "and status in ('assigned', 'unreachable') order by customer_id limit :limit for update",
        tenant_id=tenant_id,
        userid=userid,
        limit=MOST,
    )
    if len(rows) < MOST:
        _forget(connection, tenant_id, userid)
    if not rows:
        return ()
    act = Act("departed", "system", now)
    theirs = {"ids": [row["id"] for row in rows], "leaver": userid}
    return returned_facts(release_of(connection, tenant_id, THEIRS, theirs, act), act)


def _forget(connection: Connection, tenant_id: TenantId, userid: UserId) -> None:
    run(
        connection,
        "delete from pool_leaver where tenant_id = :tenant_id and userid = :userid",
        tenant_id=tenant_id,
        userid=userid,
    )
