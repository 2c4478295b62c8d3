"""Rows of the pool. Locks are taken in this order: the directory, customers, records; each kind by id.

Every step locks its records first and changes them in a statement of its own, so what is decided rests on what nobody
else can change any more. Nothing here passes through Python but ids and codes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.pool.model import MOST_IDS, Act, NotInPoolError, Record, Status
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

NOTE = "pool_record.note"
"""Encryption context."""
IS_FRIEND = (
    "exists (select from external_contact e join relation r on r.tenant_id = e.tenant_id "
    "and r.external_userid = e.external_userid where e.tenant_id = {0}.tenant_id and e.customer_id = {0}.{1} "
    "and r.state in ('active', 'out_of_sight'))"
)
"""Whether somebody is a friend of an associate; who is only out of our sight is one still."""


@dataclass(frozen=True)
class Moved:
    """Records that went from one associate to another, or to nobody."""

    from_userid: UserId | None
    to_userid: UserId | None
    customer_ids: tuple[CustomerId, ...]


def masters(
    connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId]
) -> dict[CustomerId, CustomerId]:
    """Each customer -> the record that stands for them; unknown ones are left out."""
    rows = fetch_all(
        connection,
        "select id, coalesce(merged_into, id) as master from customer where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted(set(customer_ids)),
    )
    return {CustomerId(row["id"]): CustomerId(row["master"]) for row in rows}


def has_records(connection: Connection, tenant_id: TenantId) -> bool:
    """Whether anybody is, or ever was, in the corp's pool."""
    return bool(
        fetch_all(connection, "select 1 from pool_record where tenant_id = :tenant_id limit 1", tenant_id=tenant_id)
    )


def lock_records(connection: Connection, tenant_id: TenantId, customer_ids: Iterable[CustomerId]) -> None:
    """Nobody else changes these until the transaction ends."""
    fetch_one(
        connection,
        "select count(*) from (select from pool_record where tenant_id = :tenant_id and customer_id = any(:ids) "
        "order by customer_id for update) as locked",
        tenant_id=tenant_id,
        ids=sorted(set(customer_ids)),
    )


STEP = """
with target as materialized ({target}),
  was as materialized (
    select t.customer_id, p.place, p.status, p.userid as from_userid, t.userid as to_userid
    from target t cross join lateral (select r.ctid as place, r.status, r.userid from pool_record r
      where r.tenant_id = :tenant_id and r.customer_id = t.customer_id offset 0) p),
  changed as (
    update pool_record p set status = :to, userid = w.to_userid, why = :why, by_whom = :by_whom, rule_id = :rule_id,
      reason = :reason, note = :note, status_at = :now, contacted_at = null
    from was w where p.ctid = w.place and p.tenant_id = :tenant_id),
  noted as (
    insert into pool_change (tenant_id, customer_id, from_status, to_status, from_userid, to_userid, why, reason,
      rule_id, batch_id, at, by_whom)
    select :tenant_id, customer_id, status, :to, from_userid, to_userid, :why, :reason, :rule_id, :batch_id, :now,
      :by_whom
    from was order by customer_id)
select from_userid, to_userid, array_agg(customer_id order by customer_id) as ids from was group by 1, 2 order by 1, 2
"""
"""`target`: customer_id and userid (whose they are then) of records that the transaction has locked.

One look into the index for each, and the place of the row: after an import nothing is known of the tables' sizes yet,
and a plan that compares all with all would take minutes. `offset 0` keeps the looks apart.
"""


def step(
    connection: Connection,
    tenant_id: TenantId,
    target: str,
    parameters: Mapping[str, object],
    *,
    to: Status,
    act: Act,
    reason: str | None = None,
    note: bytes | None = None,
) -> list[Moved]:
    """Bring the locked records of `target` to a state, with a line of history each; who went where."""
    rows = fetch_all(
        connection,
        STEP.format(target=target),
        tenant_id=tenant_id,
        to=to.value,
        why=act.why,
        by_whom=act.by_whom,
        rule_id=act.rule_id,
        batch_id=act.batch_id,
        now=act.now,
        reason=reason,
        note=note,
        **parameters,
    )
    return [Moved(row["from_userid"], row["to_userid"], tuple(row["ids"])) for row in rows]


def parts(customer_ids: Sequence[CustomerId]) -> list[tuple[CustomerId, ...]]:
    """As many as one fact names."""
    return [tuple(customer_ids[at : at + MOST_IDS]) for at in range(0, len(customer_ids), MOST_IDS)]


def load_record(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> Record:
    """
    Raises:
        NotInPoolError: nobody of this id is, or ever was, in the pool.
    """
    row = fetch_one(
        connection,
        "select p.* from customer u join pool_record p on p.tenant_id = u.tenant_id "
        "and p.customer_id = coalesce(u.merged_into, u.id) where u.tenant_id = :tenant_id and u.id = :id",
        tenant_id=tenant.id,
        id=customer_id,
    )
    if row is None:
        raise NotInPoolError("this customer is not in the pool")
    return read_record(row, tenant)


def read_record(row: Row, tenant: Tenant) -> Record:
    return Record(
        customer_id=CustomerId(row["customer_id"]),
        status=Status(row["status"]),
        source=row["source"],
        userid=row["userid"],
        why=row["why"],
        rule_id=row["rule_id"],
        reason=row["reason"],
        department_id=row["department_id"],
        contacted_at=row["contacted_at"],
        status_at=row["status_at"],
        created_at=row["created_at"],
        by_whom=row["by_whom"],
        note=None if row["note"] is None else tenant.cipher.decrypt(row["note"], NOTE).decode(),
    )


def load_changes(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> Sequence[Row]:
    """The history of one record, oldest first (ASG-9)."""
    return fetch_all(
        connection,
        "select c.from_status, c.to_status, c.from_userid, c.to_userid, c.why, c.reason, c.rule_id, c.batch_id, c.at, "
        "c.by_whom from customer u join pool_change c on c.tenant_id = u.tenant_id "
        "and c.customer_id = coalesce(u.merged_into, u.id) where u.tenant_id = :tenant_id and u.id = :id order by c.id",
        tenant_id=tenant_id,
        id=customer_id,
    )


def move_userid(connection: Connection, tenant_id: TenantId, old: UserId, new: UserId) -> None:
    """An associate has another userid: what is theirs goes along. The caller holds the directory."""
    names = {"tenant_id": tenant_id, "old": old, "new": new}
    for statement in _MENTIONS:
        run(connection, statement, **names)
    fetch_one(
        connection,
        "select count(*) from (select from pool_record where tenant_id = :tenant_id and userid = :old "
        "order by customer_id for update) as locked",
        tenant_id=tenant_id,
        old=old,
    )
    run(connection, "update pool_record set userid = :new where tenant_id = :tenant_id and userid = :old", **names)
    # The member goes on under another id: they have not left.
    run(
        connection,
        "delete from pool_leaver where tenant_id = :tenant_id and userid = :old",
        tenant_id=tenant_id,
        old=old,
    )


_MENTIONS = (
    "update pool_rule set action = jsonb_set(action, '{userids}', (select jsonb_agg(case when one = :old then "
    "cast(:new as text) else one end) from jsonb_array_elements_text(action -> 'userids') as one)) "
    "where tenant_id = :tenant_id and action -> 'userids' @> to_jsonb(cast(:old as text))",
    "update pool_batch set userids = array_replace(userids, :old, :new) "
    "where tenant_id = :tenant_id and state = 'running' and :old = any(userids)",
    "update pool_given set userid = :new where tenant_id = :tenant_id and userid = :old",
)
