"""Many customers to many associates in equal shares, as a job in chunks (POOL-4, POOL-11).

Whom the job is about is fixed when it is asked for. Who gets whom is decided chunk by chunk, under locks, by a count
that is committed with the chunk: whoever has left meanwhile takes no turn, and a job that was killed goes on at the
very turn where it stopped. So the sizes of the whole differ by one at most, whatever happens in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.associates.adding import who_can_add
from services.associates.store import share_directory
from services.finding.selection import Selection
from services.pool.giving import ANY, OPEN, assigned_facts, note_given
from services.pool.model import Act, Dealing, NoSuchError, PoolAssigned, PoolRefusedError, Status, Why
from services.pool.plan import dealing_order, without
from services.pool.store import step
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId
from shared.tenants import Tenant

CHUNK = 5000
MOST_RECEIVERS = 2000

CHOOSE = """
insert into pool_batch_row (tenant_id, batch_id, n, customer_id)
select :tenant_id, :batch_id, row_number() over (order by {order}), p.customer_id
from pool_record p where p.tenant_id = :tenant_id and p.status = any(:of)
  and p.customer_id = any(array(select c.customer_id from ({chosen}) as c))
"""
ORDERS: dict[Dealing, str] = {
    "turns": "p.created_at, p.customer_id",
    "random": "hashint8extended(p.customer_id, :batch_id), p.customer_id",
}
"""Source of hashint8extended: PostgreSQL's own hash partitioning; any mixing that is the same every time would do."""
DUE = "select b.customer_id, b.n from pool_batch_row b where b.tenant_id = :tenant_id and b.batch_id = :batch_id and b.n > :reached and b.n <= :until"  # noqa: E501
LOCK = (
    "select count(*) from (select from pool_record p where p.tenant_id = :tenant_id "  # noqa: S608 - constants
    f"and p.customer_id = any(array(select d.customer_id from ({DUE}) as d)) "
    "order by p.customer_id for update) as locked"
)
DEAL = f"""
select customer_id, (cast(:userids as text[]))[1 + ((k + :turn) % cardinality(cast(:userids as text[])))] as userid
from (select d.customer_id, row_number() over (order by d.n) - 1 as k
  from ({DUE}) as d cross join lateral (select r.status from pool_record r where r.tenant_id = :tenant_id
    and r.customer_id = d.customer_id offset 0) as p
  where p.status = any(:of)) as numbered
"""  # noqa: S608 - constants


@dataclass(frozen=True)
class Batch:
    """`total_count`: chosen; `reached`: of these, dealt with; `assigned_count`: given. The others had moved on."""

    id: int
    state: str
    how: Dealing
    turn: int
    userids: tuple[UserId, ...]
    also_assigned: bool
    total_count: int
    reached: int
    assigned_count: int
    by_whom: str
    created_at: datetime
    finished_at: datetime | None
    why: Why

    @property
    def of(self) -> Sequence[str]:
        return ANY if self.also_assigned else OPEN


def ask_batch(
    connection: Connection,
    tenant: Tenant,
    chosen: Selection,
    userids: Sequence[UserId],
    *,
    how: Dealing,
    also_assigned: bool = False,
    act: Act,
) -> Batch:
    """Fix whom the job is about: all in the pool whom the SELECT finds. The caller has checked the receivers.

    Raises:
        PoolRefusedError: too many associates.
    """
    if len(userids) > MOST_RECEIVERS:
        raise PoolRefusedError(f"{len(userids)} associates at once; a batch takes {MOST_RECEIVERS}")
    row = fetch_one(
        connection,
        "insert into pool_batch (tenant_id, state, userids, how, why, also_assigned, total_count, by_whom, created_at) "
        "values (:tenant_id, 'running', '{}', :how, :why, :also_assigned, 0, :by_whom, :now) returning id",
        tenant_id=tenant.id,
        how=how,
        why=act.why,
        also_assigned=also_assigned,
        by_whom=act.by_whom,
        now=act.now,
    )
    assert row is not None
    batch_id = int(row["id"])
    total = run(
        connection,
        CHOOSE.format(order=ORDERS[how], chosen=chosen.sql),
        tenant_id=tenant.id,
        batch_id=batch_id,
        of=list(ANY if also_assigned else OPEN),
        **chosen.parameters,
    )
    run(
        connection,
        "update pool_batch set userids = :userids, total_count = :total where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=batch_id,
        userids=list(dealing_order(userids, how, seed=batch_id)),
        total=total,
    )
    return load_batch(connection, tenant.id, batch_id)


def load_batch(connection: Connection, tenant_id: TenantId, batch_id: int) -> Batch:
    """
    Raises:
        NoSuchError: no such batch.
    """
    row = fetch_one(
        connection,
        "select * from pool_batch where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=batch_id,
    )
    if row is None:
        raise NoSuchError(f"no batch {batch_id}")
    return _batch(row)


def _batch(row: Row) -> Batch:
    values = {key: value for key, value in row.items() if key != "tenant_id"}
    return Batch(**values | {"userids": tuple(row["userids"])})


def running_batches(connection: Connection) -> list[tuple[TenantId, int]]:
    """Those with something left to do; the one that is least far comes first, so that batches take turns."""
    rows = fetch_all(
        connection, "select tenant_id, id from pool_batch where state = 'running' order by reached, tenant_id, id"
    )
    return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]


def deal(
    connection: Connection, tenant_id: TenantId, batch_id: int, *, now: datetime, chunk: int = CHUNK
) -> tuple[PoolAssigned, ...] | None:
    """Deal the next chunk; at its end the batch is done. Facts; None: it is over, or somebody else has it in hand."""
    share_directory(connection, tenant_id)
    row = fetch_one(
        connection,
        "select * from pool_batch where tenant_id = :tenant_id and id = :id and state = 'running' "
        "for update skip locked",
        tenant_id=tenant_id,
        id=batch_id,
    )
    if row is None:
        return None
    batch = _without_leavers(connection, tenant_id, _batch(row))
    if not batch.userids:
        cancel_batch(connection, tenant_id, batch_id, now=now)
        return ()
    return _deal(connection, tenant_id, batch, now=now, chunk=chunk)


def _without_leavers(connection: Connection, tenant_id: TenantId, batch: Batch) -> Batch:
    """Whoever cannot add customers any more is left out; the others' shares stay equal."""
    there = who_can_add(connection, tenant_id, batch.userids)
    if len(there) == len(batch.userids):
        return batch
    return replace(batch, userids=without(batch.userids, batch.turn, there), turn=0)


def _deal(
    connection: Connection, tenant_id: TenantId, batch: Batch, *, now: datetime, chunk: int
) -> tuple[PoolAssigned, ...]:
    until = min(batch.reached + chunk, batch.total_count)
    act = Act(batch.why, batch.by_whom, now, batch_id=batch.id)
    place = {"batch_id": batch.id, "reached": batch.reached, "until": until}
    fetch_one(connection, LOCK, tenant_id=tenant_id, **place)
    moved = step(
        connection,
        tenant_id,
        DEAL,
        {
            "reached": batch.reached,
            "until": until,
            "turn": batch.turn,
            "userids": list(batch.userids),
            "of": list(batch.of),
        },
        to=Status.ASSIGNED,
        act=act,
    )
    note_given(connection, tenant_id, moved, act, cause="api", caused_by=f"pool_batch:{batch.id}")
    given = sum(len(one.customer_ids) for one in moved)
    run(
        connection,
        "update pool_batch set reached = :until, assigned_count = assigned_count + :given, "
        "userids = :userids, turn = :turn, "
        "state = case when :until >= total_count then 'done' else state end, "
        "finished_at = case when :until >= total_count then cast(:now as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=batch.id,
        until=until,
        given=given,
        userids=list(batch.userids),
        turn=batch.turn + given,
        now=now,
    )
    if until >= batch.total_count:
        _forget_rows(connection, tenant_id, batch.id)
    return assigned_facts(moved, act)


def cancel_batch(connection: Connection, tenant_id: TenantId, batch_id: int, *, now: datetime) -> Batch:
    """Deal no further; who was given stays given.

    Raises:
        NoSuchError, PoolRefusedError: no such batch, or it is over.
    """
    fetch_one(
        connection,
        "select 1 from pool_batch where tenant_id = :tenant_id and id = :id for update",
        tenant_id=tenant_id,
        id=batch_id,
    )
    batch = load_batch(connection, tenant_id, batch_id)
    if batch.state != "running":
        raise PoolRefusedError(f"batch {batch_id} is {batch.state}")
    run(
        connection,
        "update pool_batch set state = 'cancelled', finished_at = :now where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=batch_id,
        now=now,
    )
    _forget_rows(connection, tenant_id, batch_id)
    return load_batch(connection, tenant_id, batch_id)


def _forget_rows(connection: Connection, tenant_id: TenantId, batch_id: int) -> None:
    run(
        connection,
        "delete from pool_batch_row where tenant_id = :tenant_id and batch_id = :id",
        tenant_id=tenant_id,
        id=batch_id,
    )
