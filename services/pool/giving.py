"""Records go to associates: assigned, claimed, changed (POOL-3, POOL-5, POOL-6, POOL-11, POOL-12)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.associates.adding import members_who_can_add, who_can_add
from services.associates.store import share_directory
from services.planning import Cause
from services.pool.model import Act, PoolAssigned, PoolRefusedError, Status, Why
from services.pool.store import Moved, lock_records, masters, parts, step
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

OPEN = ("unassigned",)
ANY = ("unassigned", "assigned", "unreachable")
PAIRS = (
    "select g.customer_id, g.userid from unnest(cast(:ids as bigint[]), cast(:userids as text[])) "
    "as g(customer_id, userid) cross join lateral (select r.status, r.userid from pool_record r "
    "where r.tenant_id = :tenant_id and r.customer_id = g.customer_id offset 0) as p where p.status = any(:of) "
    "and (p.status, p.userid) is distinct from ('assigned', g.userid)"
)
CAUSES: Mapping[Why, Cause] = {"rule": "rule", "import": "import"}


@dataclass(frozen=True)
class Taken:
    """What somebody else has, or nobody any more: a claim came too late."""

    customer_id: CustomerId
    status: Status | None
    userid: UserId | None


@dataclass(frozen=True)
class Given:
    """Who is whose now; whom it could not be done for, with how they stand; facts."""

    customer_ids: tuple[CustomerId, ...]
    refused: tuple[Taken, ...]
    facts: tuple[PoolAssigned, ...]


def check_receivers(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> None:
    """Make sure that they can add customers, and go on to until the transaction ends.

    Raises:
        PoolRefusedError: names those who cannot.
    """
    wanted = set(userids)
    share_directory(connection, tenant_id)
    cannot = sorted(wanted - who_can_add(connection, tenant_id, wanted))
    if cannot:
        raise PoolRefusedError(
            f"{', '.join(cannot[:5])} cannot add customers: not with the corp, out of the app's sight, or without the "
            "customer-contact function"
        )


def receivers(
    connection: Connection, tenant_id: TenantId, userids: Collection[UserId], department_ids: Collection[int]
) -> tuple[UserId, ...]:
    """The associates who are named, and the members of the departments that are (POOL-11).

    Raises:
        PoolRefusedError: one of them cannot add customers, or there is nobody at all.
    """
    check_receivers(connection, tenant_id, userids)
    members = members_who_can_add(connection, tenant_id, department_ids) if department_ids else {}
    found = {*userids, *(one for of_one in members.values() for one in of_one)}
    if not found:
        raise PoolRefusedError("nobody to give to: no member of these departments can add customers")
    return tuple(sorted(found))


def give(
    connection: Connection,
    tenant: Tenant,
    pairs: Mapping[CustomerId, UserId],
    act: Act,
    *,
    of: Sequence[str] = ANY,
    cause: Cause = "operator",
    caused_by: str | None = None,
) -> Given:
    """Make each customer the associate's who is named beside them, where the record stands as `of` says.

    The associates hear of it, but for those who took them themselves. The caller has checked the receivers.
    """
    stand = masters(connection, tenant.id, pairs)
    wanted = {stand[one]: userid for one, userid in pairs.items() if one in stand}
    lock_records(connection, tenant.id, wanted)
    moved = step(
        connection,
        tenant.id,
        PAIRS,
        {"ids": list(wanted), "userids": list(wanted.values()), "of": list(of)},
        to=Status.ASSIGNED,
        act=act,
    )
    if act.why != "claim":
        note_given(connection, tenant.id, moved, act, cause=CAUSES.get(act.why, cause), caused_by=caused_by)
    done = {one for moving in moved for one in moving.customer_ids}
    refused = [one for one in pairs if stand.get(one) not in done]
    standing = _standing(connection, tenant.id, [stand[one] for one in refused if one in stand])
    late = tuple(_taken(one, standing.get(stand.get(one, one))) for one in refused)
    return Given(
        tuple(sorted(done)),
        tuple(one for one in late if one.status is not Status.ASSIGNED or one.userid != pairs[one.customer_id]),
        assigned_facts(moved, act),
    )


def _standing(connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId]) -> dict[CustomerId, Row]:
    rows = fetch_all(
        connection,
        "select customer_id, status, userid from pool_record where tenant_id = :tenant_id and customer_id = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted(ids),
    )
    return {CustomerId(row["customer_id"]): row for row in rows}


def _taken(customer_id: CustomerId, row: Row | None) -> Taken:
    if row is None:
        return Taken(customer_id, None, None)
    return Taken(customer_id, Status(row["status"]), row["userid"])


def assigned_facts(moved: Iterable[Moved], act: Act) -> tuple[PoolAssigned, ...]:
    return tuple(
        PoolAssigned(
            occurred_at=act.now,
            userid=one.to_userid,
            from_userid=one.from_userid,
            why=act.why,
            rule_id=act.rule_id,
            batch_id=act.batch_id,
            customer_ids=ids,
        )
        for one in moved
        if one.to_userid is not None
        for ids in parts(one.customer_ids)
    )


def note_given(
    connection: Connection,
    tenant_id: TenantId,
    moved: Iterable[Moved],
    act: Act,
    *,
    cause: Cause,
    caused_by: str | None,
) -> None:
    """Keep what the associates are to be told: one message for all that comes within some seconds (POOL-7)."""
    rows = [
        {"userid": one.to_userid, "count": len(one.customer_ids), "customer_id": one.customer_ids[0]} for one in moved
    ]
    if rows:
        run(
            connection,
            "insert into pool_given (tenant_id, userid, count, customer_id, batch_id, cause, caused_by, at) "
            "select :tenant_id, userid, count, customer_id, :batch_id, :cause, :caused_by, :now "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(userid text, count bigint, customer_id bigint)",
            tenant_id=tenant_id,
            batch_id=act.batch_id,
            cause=cause,
            caused_by=caused_by or act.by_whom,
            now=act.now,
            rows=as_json(rows),
        )


def assign(
    connection: Connection, tenant: Tenant, customer_ids: Iterable[CustomerId], userid: UserId, act: Act
) -> Given:
    """Give customers to one associate, whoever had them (POOL-3, POOL-6).

    Raises:
        PoolRefusedError: the associate cannot add customers.
    """
    check_receivers(connection, tenant.id, [userid])
    return give(connection, tenant, dict.fromkeys(customer_ids, userid), act, cause="api")


def claim(
    connection: Connection, tenant: Tenant, customer_ids: Iterable[CustomerId], userid: UserId, act: Act
) -> Given:
    """An associate takes customers whom nobody has; of two who reach for one, one gets them (POOL-5).

    Raises:
        PoolRefusedError: the associate cannot add customers.
    """
    check_receivers(connection, tenant.id, [userid])
    return give(connection, tenant, dict.fromkeys(customer_ids, userid), act, of=OPEN)
