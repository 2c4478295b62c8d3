"""Who can add customers: with the corp, in sight, and with the customer-contact function."""

from collections.abc import Iterable

from sqlalchemy import Connection

from shared.db.engine import fetch_all
from shared.ids import TenantId, UserId

CAN_ADD = "a.has_contact and a.in_sight and a.gone_at is null and a.renamed_to is null"


def who_can_add(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> set[UserId]:
    """Those of them who can."""
    rows = fetch_all(
        connection,
        f"select a.userid from associate a where a.tenant_id = :tenant_id and a.userid = any(:userids) and {CAN_ADD}",  # noqa: S608
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return {UserId(row["userid"]) for row in rows}


def members_who_can_add(
    connection: Connection, tenant_id: TenantId, department_ids: Iterable[int]
) -> dict[int, list[UserId]]:
    """Department -> those who can and whose main department it is (ASG-11)."""
    ids = sorted(set(department_ids))
    rows = fetch_all(
        connection,
        "select a.main_department_id as id, a.userid from associate a where a.tenant_id = :tenant_id "  # noqa: S608
        f"and a.main_department_id = any(cast(:ids as bigint[])) and {CAN_ADD} order by a.userid",
        tenant_id=tenant_id,
        ids=ids,
    )
    found: dict[int, list[UserId]] = {one: [] for one in ids}
    for row in rows:
        found[row["id"]].append(UserId(row["userid"]))
    return found
