"""Rows of group robots."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.robots.model import LONGEST_REST, MOST_ROBOTS, TEST, NoRobotError, Robot, RobotRefusedError, recipient_of
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import OutboxId, TenantId
from shared.outbox import ROBOT, Delivery, enqueue
from shared.tenants import Tenant

KEY = "group_robot.key"
"""Encryption context."""
TEST_LASTS = timedelta(minutes=10)


def load_robots(connection: Connection, tenant: Tenant) -> list[Robot]:
    rows = fetch_all(connection, "select * from group_robot where tenant_id = :tenant_id order by id",
                     tenant_id=tenant.id)  # fmt: skip
    return [_robot(tenant, row) for row in rows]


def load_robot(connection: Connection, tenant: Tenant, robot_id: int) -> Robot:
    """Locked until the transaction ends.

    Raises:
        NoRobotError: there is none of this id.
    """
    row = fetch_one(
        connection,
        "select * from group_robot where tenant_id = :tenant_id and id = :id for update",
        tenant_id=tenant.id,
        id=robot_id,
    )
    if row is None:
        raise NoRobotError("there is no such robot")
    return _robot(tenant, row)


def _robot(tenant: Tenant, row: Row) -> Robot:
    shown = {name: row[name] for name in Robot.__dataclass_fields__ if name not in ("key", "notices")}
    return Robot(**shown, notices=tuple(row["notices"]), key=tenant.cipher.decrypt(row["key"], KEY).decode())


def speakers(connection: Connection, tenant_id: TenantId) -> dict[str, tuple[int, ...]]:
    """Ids of the robots that can speak, by kind of notice; no key is opened for it."""
    rows = fetch_all(
        connection,
        "select n as notice, array_agg(id order by id) as ids from group_robot cross join unnest(notices) n "
        "where tenant_id = :tenant_id and enabled and problem is null group by 1",
        tenant_id=tenant_id,
    )
    return {row["notice"]: tuple(row["ids"]) for row in rows}


def add_robot(
    connection: Connection, tenant: Tenant, *, name: str, key: str, notices: Sequence[str], enabled: bool, by: str,
    now: datetime,
) -> Robot:  # fmt: skip
    """
    Raises:
        RobotRefusedError: there are as many as may be.
    """
    count = fetch_one(connection, "select count(*) n from group_robot where tenant_id = :t", t=tenant.id)
    if count is not None and count["n"] >= MOST_ROBOTS:
        raise RobotRefusedError(f"a corp has {MOST_ROBOTS} robots at most")
    row = fetch_one(
        connection,
        "insert into group_robot (tenant_id, name, key, notices, enabled, created_at, updated_at, updated_by) "
        "values (:tenant_id, :name, :key, :notices, :enabled, :now, :now, :by) returning *",
        tenant_id=tenant.id,
        name=name,
        key=tenant.cipher.encrypt(key.encode(), KEY),
        notices=list(notices),
        enabled=enabled,
        now=now,
        by=by,
    )
    assert row is not None
    return _robot(tenant, row)


def change_robot(
    connection: Connection, tenant: Tenant, robot: Robot, wanted: dict[str, Any], *, by: str, now: datetime
) -> Robot:
    """`wanted`: some of name, key, notices, enabled. Another key ends what was wrong with the one before."""
    key = wanted.get("key", robot.key)
    anew = key != robot.key
    row = fetch_one(
        connection,
        "update group_robot set name = :name, key = :key, notices = :notices, enabled = :enabled, "
        "closed_until = case when :anew then null else closed_until end, "
        "problem = case when :anew then null else problem end, updated_at = :now, updated_by = :by "
        "where tenant_id = :tenant_id and id = :id returning *",
        tenant_id=tenant.id,
        id=robot.id,
        name=wanted.get("name", robot.name),
        key=tenant.cipher.encrypt(key.encode(), KEY),
        notices=list(wanted.get("notices", robot.notices)),
        enabled=wanted.get("enabled", robot.enabled),
        anew=anew,
        now=now,
        by=by,
    )
    assert row is not None
    return _robot(tenant, row)


def delete_robot(connection: Connection, tenant_id: TenantId, robot_id: int) -> None:
    run(connection, "delete from group_robot where tenant_id = :t and id = :id", t=tenant_id, id=robot_id)


def close_robot(connection: Connection, tenant_id: TenantId, robot_id: int, *, until: datetime, now: datetime) -> None:
    """Nothing of it is tried until then, `LONGEST_REST` at most."""
    run(connection, "update group_robot set closed_until = :until where tenant_id = :t and id = :id",
        until=min(until, now + LONGEST_REST), t=tenant_id, id=robot_id)  # fmt: skip


def resting(connection: Connection, *, now: datetime) -> list[str]:
    """Robots, as recipients, that WeCom does not let speak now."""
    rows = fetch_all(connection, "select id from group_robot where closed_until > :now and closed_until <= :latest",
                     now=now, latest=now + LONGEST_REST)  # fmt: skip
    return [recipient_of(row["id"]) for row in rows]


def note_problem(connection: Connection, tenant: Tenant, robot: Robot, problem: str) -> None:
    """Unless its key was changed since it was loaded."""
    try:
        if load_robot(connection, tenant, robot.id).key != robot.key:
            return
    except NoRobotError:
        return
    run(connection, "update group_robot set problem = :problem where tenant_id = :t and id = :id",
        problem=problem, t=tenant.id, id=robot.id)  # fmt: skip


def want_test(connection: Connection, tenant_id: TenantId, robot_id: int, *, by: str, now: datetime) -> OutboxId:
    """A message that only shows that the robot speaks; one a second at most."""
    key = f"{TEST}:{robot_id}:{now:%Y%m%dT%H%M%S}"
    delivery = Delivery(
        natural_key=key,
        fact_id=None,
        notice=TEST,
        channel=ROBOT,
        recipient=recipient_of(robot_id),
        causes=[{"cause": "api", "caused_by": by}],
        expires_at=now + TEST_LASTS,
    )
    enqueue(connection, tenant_id, [delivery], now=now)
    row = fetch_one(connection, "select id from outbox where tenant_id = :t and natural_key = :key",
                    t=tenant_id, key=key)  # fmt: skip
    assert row is not None
    return OutboxId(row["id"])
