"""Rows of tasks. Who makes or changes one has locked the customer (services/persons/store.lock_customers)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.tasks.model import Task, TaskState
from shared.db.engine import Row, fetch_all, fetch_one
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant

TITLE = "customer_task.title"


def knows_associate(connection: Connection, tenant_id: TenantId, userid: UserId) -> bool:
    """Who has customers is known before the directory has been read."""
    found = fetch_one(
        connection,
        "select coalesce((select gone_at is null from associate where tenant_id = :tenant_id and userid = :userid), "
        "exists (select from relation where tenant_id = :tenant_id and userid = :userid)) as known",
        tenant_id=tenant_id,
        userid=userid,
    )
    return found is not None and bool(found["known"])


def add_task(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    *,
    title: str,
    userid: UserId,
    due_at: datetime | None,
    by: str,
    now: datetime,
) -> Task:
    row = fetch_one(
        connection,
        "insert into customer_task (tenant_id, customer_id, title, userid, due_at, made_at, made_by) "
        "values (:tenant_id, :customer_id, :title, :userid, :due_at, :now, :by) returning *",
        tenant_id=tenant.id,
        customer_id=customer_id,
        title=tenant.cipher.encrypt(title.encode(), TITLE),
        userid=userid,
        due_at=due_at,
        now=now,
        by=by,
    )
    assert row is not None
    return _task(tenant, row)


def _task(tenant: Tenant, row: Row) -> Task:
    return Task(
        id=row["id"],
        customer_id=CustomerId(row["customer_id"]),
        title=tenant.cipher.decrypt(row["title"], TITLE).decode(),
        userid=UserId(row["userid"]),
        due_at=row["due_at"],
        state=TaskState(row["state"]),
        made_at=row["made_at"],
        made_by=row["made_by"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
    )


def customer_of_task(connection: Connection, tenant_id: TenantId, task_id: int) -> CustomerId | None:
    """Whose task it is, to be locked before it."""
    row = fetch_one(
        connection,
        "select customer_id from customer_task where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=task_id,
    )
    return CustomerId(row["customer_id"]) if row else None


def load_task(connection: Connection, tenant: Tenant, task_id: int) -> Task | None:
    """Locked until the transaction ends."""
    row = fetch_one(
        connection,
        "select * from customer_task where tenant_id = :tenant_id and id = :id for update",
        tenant_id=tenant.id,
        id=task_id,
    )
    return _task(tenant, row) if row else None


def change_task(
    connection: Connection, tenant: Tenant, task: Task, wanted: Mapping[str, Any], *, by: str, now: datetime
) -> Task:
    """`wanted`: some of title, userid, due_at, state."""
    state = TaskState(wanted.get("state", task.state))
    ends = state is not task.state
    row = fetch_one(
        connection,
        "update customer_task set title = :title, userid = :userid, due_at = :due_at, state = :state, "
        "ended_at = :ended_at, ended_by = :ended_by where tenant_id = :tenant_id and id = :id returning *",
        tenant_id=tenant.id,
        id=task.id,
        title=tenant.cipher.encrypt(str(wanted.get("title", task.title)).encode(), TITLE),
        userid=wanted.get("userid", task.userid),
        due_at=wanted.get("due_at", task.due_at),
        state=state.value,
        ended_at=(None if state is TaskState.OPEN else now) if ends else task.ended_at,
        ended_by=(None if state is TaskState.OPEN else by) if ends else task.ended_by,
    )
    assert row is not None
    return _task(tenant, row)


def page_tasks(
    connection: Connection,
    tenant: Tenant,
    *,
    customer_id: CustomerId | None = None,
    userid: UserId | None = None,
    finished: bool = False,
    before: int | None = None,
    limit: int,
) -> list[Task]:
    """Newest first, of a customer or of an associate (or of both); `finished`: also what is done or cancelled."""
    conditions = ["tenant_id = :tenant_id"]
    conditions += ["customer_id = :customer_id"] if customer_id is not None else []
    conditions += ["userid = :userid"] if userid is not None else []
    conditions += [] if finished else ["state = 'open'"]
    conditions += ["id < :before"] if before is not None else []
    rows = fetch_all(
        connection,
        f"select * from customer_task where {' and '.join(conditions)} order by id desc limit :limit",  # noqa: S608
        tenant_id=tenant.id,
        customer_id=customer_id,
        userid=userid,
        before=before,
        limit=limit,
    )
    return [_task(tenant, row) for row in rows]
