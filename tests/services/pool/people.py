"""People and associates in rows, many at once."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from services.pool.entering import enter
from services.pool.model import Act, Entry, Why
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId
from shared.tenants import Tenant

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def act(why: Why = "operator", *, by: str = "Chen Jing", now: datetime = NOW) -> Act:
    return Act(why, by, now)


def add_associates(connection: Connection, tenant: Tenant, *userids: str, department_id: int = 1) -> None:
    run(
        connection,
        "insert into associate (tenant_id, userid, main_department_id, has_contact, in_sight, observed_at, cause) "
        "select :tenant_id, u, :department_id, true, true, :now, 'event' from unnest(cast(:userids as text[])) u",
        tenant_id=tenant.id,
        department_id=department_id,
        userids=list(userids),
        now=NOW,
    )


def make_people(connection: Connection, tenant: Tenant, count: int) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, :now, :now "
        "from generate_series(1, :count) returning id",
        tenant_id=tenant.id,
        now=NOW,
        count=count,
    )
    return sorted(row["id"] for row in rows)


def fill_pool(connection: Connection, tenant: Tenant, count: int, *, source: str = "hand") -> list[CustomerId]:
    """So many people who wait for an associate."""
    ids = make_people(connection, tenant, count)
    enter(connection, tenant, [Entry(one, source) for one in ids], act("entered"))
    return ids


def befriend(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, userid: str, state: str = "active"
) -> None:
    values = {"tenant_id": tenant.id, "id": customer_id, "contact": f"wm{customer_id}", "now": NOW}
    run(
        connection,
        "insert into external_contact (tenant_id, external_userid, customer_id, cause) "
        "values (:tenant_id, :contact, :id, 'event') on conflict do nothing",
        **values,
    )
    run(
        connection,
        "insert into relation (tenant_id, external_userid, userid, state, started_at, cause) "
        "values (:tenant_id, :contact, :userid, :state, :now, 'event') "
        "on conflict (tenant_id, external_userid, userid) do update set state = excluded.state",
        userid=userid,
        state=state,
        **values,
    )


def stand(connection: Connection, tenant: Tenant) -> dict[CustomerId, tuple[str, str | None]]:
    """Customer -> status and associate."""
    rows = fetch_all(
        connection, "select customer_id, status, userid from pool_record where tenant_id = :id", id=tenant.id
    )
    return {row["customer_id"]: (row["status"], row["userid"]) for row in rows}


def sizes(connection: Connection, tenant: Tenant) -> dict[str, int]:
    """Associate -> how many they are to add."""
    rows = fetch_all(
        connection,
        "select userid, count(*) as n from pool_record where tenant_id = :id and status = 'assigned' group by userid",
        id=tenant.id,
    )
    return {row["userid"]: row["n"] for row in rows}


def history(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> Sequence[tuple[str | None, str, str]]:
    """From which status to which, and why; oldest first."""
    rows = fetch_all(
        connection,
        "select from_status, to_status, why from pool_change where tenant_id = :id and customer_id = :customer_id "
        "order by id",
        id=tenant.id,
        customer_id=customer_id,
    )
    return [(row["from_status"], row["to_status"], row["why"]) for row in rows]
