"""Steps of single records by hand: unreachable and back, in touch, added, released (POOL-8, POOL-10, POOL-13)."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from services.pool.model import (
    LONGEST_NOTE,
    Act,
    NotInPoolError,
    PoolAdded,
    PoolReachable,
    PoolRefusedError,
    PoolReturned,
    PoolUnreachable,
    Reason,
    Record,
    Status,
)
from services.pool.plan import MAY_BECOME, before, check_reason
from services.pool.store import NOTE, Moved, load_record, lock_records, masters, parts, step
from shared.db.engine import fetch_one, run
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

SAME = (
    "select customer_id, userid from pool_record where tenant_id = :tenant_id and customer_id = any(:ids) "
    "and status = any(:of)"
)
NOBODYS = (
    "select customer_id, cast(null as text) as userid from pool_record where tenant_id = :tenant_id "
    "and customer_id = any(:ids) and status = any(:of)"
)
AS_RULES = "exists (select from pool_rule r where r.tenant_id = :tenant_id and r.kind = 'assign' and r.enabled and r.deleted_at is null)"  # noqa: E501


def hold_record(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> Record:
    """The record, locked until the transaction ends.

    Raises:
        NotInPoolError: nobody of this id is in the pool.
    """
    stand = masters(connection, tenant.id, [customer_id])
    lock_records(connection, tenant.id, stand.values())
    return load_record(connection, tenant, customer_id)


def _may(record: Record, to: Status) -> None:
    if to not in MAY_BECOME[record.status]:
        raise PoolRefusedError(f"this customer is {record.status.value}: they cannot become {to.value}")


def _of_theirs(record: Record, userid: UserId | None) -> None:
    if userid is not None and record.userid != userid:
        raise PoolRefusedError("this customer is not (any more) theirs to add")


def mark_unreachable(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    reason: Reason,
    *,
    note: str | None,
    userid: UserId | None,
    act: Act,
) -> tuple[PoolUnreachable, ...]:
    """The associate could not reach them. `userid`: who says so, when it is an associate; `note`: their words.

    Raises:
        NotInPoolError, PoolRefusedError: not theirs, not assigned, or the reason "other" without words.
    """
    check_reason(reason, note)
    if note is not None and len(note) > LONGEST_NOTE:
        raise PoolRefusedError(f"a note has {LONGEST_NOTE} characters at most")
    record = hold_record(connection, tenant, customer_id)
    _of_theirs(record, userid)
    _may(record, Status.UNREACHABLE)
    words = tenant.cipher.encrypt(note.encode(), NOTE) if note else None
    _step_one(connection, tenant.id, record, Status.UNREACHABLE, act, reason=reason.value, note=words)
    return (
        PoolUnreachable(occurred_at=act.now, customer_id=record.customer_id, userid=record.userid, reason=reason.value),
    )


def mark_reachable(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, *, userid: UserId | None, act: Act
) -> tuple[PoolReachable, ...]:
    """They are to be added after all, by whom they were to be added before.

    Raises:
        NotInPoolError, PoolRefusedError: not theirs, or not unreachable.
    """
    record = hold_record(connection, tenant, customer_id)
    _of_theirs(record, userid)
    if record.status is not Status.UNREACHABLE:
        raise PoolRefusedError(f"this customer is {record.status.value}, not unreachable")
    _step_one(connection, tenant.id, record, Status.ASSIGNED, act)
    return (PoolReachable(occurred_at=act.now, customer_id=record.customer_id, userid=record.userid),)


def mark_added(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, *, userid: UserId | None, act: Act
) -> tuple[PoolAdded, ...]:
    """Somebody says that they were added, before WeCom shows it; nothing happens to whom that was said of already.

    Raises:
        NotInPoolError, PoolRefusedError: not theirs.
    """
    record = hold_record(connection, tenant, customer_id)
    if record.status is Status.ADDED:
        return ()
    _of_theirs(record, userid)
    _may(record, Status.ADDED)
    _step_one(connection, tenant.id, record, Status.ADDED, act, reason="hand")
    return (
        PoolAdded(
            occurred_at=act.now,
            customer_id=record.customer_id,
            userid=record.userid,
            how="hand",
            from_userid=record.userid,
        ),
    )


def note_contacted(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, *, userid: UserId | None, act: Act
) -> Record:
    """The associate called or sent a request: until a rule's days have passed again, they are not neglected.

    Raises:
        NotInPoolError, PoolRefusedError: not theirs, or not assigned.
    """
    record = hold_record(connection, tenant, customer_id)
    _of_theirs(record, userid)
    if record.status is not Status.ASSIGNED:
        raise PoolRefusedError(f"this customer is {record.status.value}, not assigned")
    run(
        connection,
        "update pool_record set contacted_at = :now where tenant_id = :tenant_id and customer_id = :id",
        tenant_id=tenant.id,
        id=record.customer_id,
        now=act.now,
    )
    return load_record(connection, tenant, record.customer_id)


def release(
    connection: Connection,
    tenant: Tenant,
    customer_ids: Iterable[CustomerId],
    *,
    userid: UserId | None = None,
    act: Act,
) -> tuple[PoolReturned, ...]:
    """Back to the pool, to be assigned anew; those who are nobody's, or not theirs, are left as they are.

    Raises:
        NotInPoolError: none of them is there to be released.
    """
    stand = masters(connection, tenant.id, customer_ids)
    ids = sorted(set(stand.values()))
    lock_records(connection, tenant.id, ids)
    target = NOBODYS + (" and userid = :userid" if userid is not None else "")
    moved = release_of(connection, tenant.id, target, {"ids": ids, "userid": userid}, act)
    if not moved:
        raise NotInPoolError("none of these customers is assigned, or unreachable, for them")
    return returned_facts(moved, act)


def release_of(
    connection: Connection, tenant_id: TenantId, target: str, parameters: Mapping[str, object], act: Act
) -> list[Moved]:
    """The same for locked records that a SELECT finds; rules look at them again."""
    # Who was added is released by entering again: whether they are a friend must be looked at.
    of = [one for one in before(Status.UNASSIGNED) if one != Status.ADDED.value]
    moved = step(connection, tenant_id, target, {**parameters, "of": of}, to=Status.UNASSIGNED, act=act)
    ids = [one for moving in moved for one in moving.customer_ids]
    if ids:
        run(
            connection,
            f"insert into pool_due (tenant_id, customer_id, at) select :tenant_id, id, :now "  # noqa: S608
            f"from unnest(cast(:ids as bigint[])) as id where {AS_RULES}",
            tenant_id=tenant_id,
            ids=ids,
            now=act.now,
        )
    return moved


def returned_facts(moved: Iterable[Moved], act: Act) -> tuple[PoolReturned, ...]:
    return tuple(
        PoolReturned(
            occurred_at=act.now, from_userid=one.from_userid, why=act.why, rule_id=act.rule_id, customer_ids=ids
        )
        for one in moved
        for ids in parts(one.customer_ids)
    )


def _step_one(
    connection: Connection,
    tenant_id: TenantId,
    record: Record,
    to: Status,
    act: Act,
    *,
    reason: str | None = None,
    note: bytes | None = None,
) -> None:
    chosen = {"ids": [record.customer_id], "of": [record.status.value]}
    step(connection, tenant_id, SAME, chosen, to=to, act=act, reason=reason, note=note)


def issue_state(connection: Connection, tenant: Tenant, customer_id: CustomerId, state: str, act: Act) -> str:
    """A new state for a contact way of this one person: who adds an associate through it is them (POOL-9).

    Raises:
        NotInPoolError: nobody of this id is in the pool.
    """
    record = hold_record(connection, tenant, customer_id)
    row = fetch_one(
        connection,
        "insert into pool_state (tenant_id, state, customer_id, issued_at, issued_by) "
        "values (:tenant_id, :state, :id, :now, :by) returning state",
        tenant_id=tenant.id,
        state=state,
        id=record.customer_id,
        now=act.now,
        by=act.by_whom,
    )
    assert row is not None
    return str(row["state"])
