"""Pages of customers, by keyset: in the order of ids, or in the order of their last change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.persons.model import Key
from services.persons.plan import likeliest
from services.persons.store import find_customers
from shared.db.engine import Row, fetch_all
from shared.ids import CustomerId, TenantId


@dataclass(frozen=True)
class Filter:
    """All that are named must hold. `updated_since` changes the order, too: oldest change first."""

    updated_since: datetime | None = None
    assigned_userid: str | None = None
    standing: str | None = None
    identity: Key | None = None


@dataclass(frozen=True)
class After:
    """The last row of the page before."""

    id: int
    updated_at: datetime | None = None


def list_customers(
    connection: Connection, tenant_id: TenantId, chosen: Filter, *, after: After | None, limit: int
) -> Sequence[Row]:
    """Customers who stand for themselves; whoever changes while somebody pages comes again, later."""
    conditions, parameters = _conditions(connection, tenant_id, chosen)
    order = "u.id"
    if chosen.updated_since is not None:
        order = "u.updated_at, u.id"
    if after is not None:
        keyed = "(u.updated_at, u.id) > (:after_at, :after_id)" if chosen.updated_since else "u.id > :after_id"
        conditions.append(keyed)
        parameters |= {"after_id": after.id, "after_at": after.updated_at}
    return fetch_all(
        connection,
        "with page as (select u.id, u.standing, u.assigned_userid, u.assigned_at, u.created_at, u.updated_at "  # noqa: S608 - constants
        f"from customer u where {' and '.join(conditions)} order by {order} limit :limit) "
        "select u.*, c.ids as external_userids, c.name from page u left join lateral (select "
        "array_agg(e.external_userid order by e.external_userid) as ids, min(e.name) as name from external_contact e "
        f"where e.tenant_id = :tenant_id and e.customer_id = u.id) c on true order by {order}",
        tenant_id=tenant_id,
        limit=limit,
        **parameters,
    )


def _conditions(connection: Connection, tenant_id: TenantId, chosen: Filter) -> tuple[list[str], dict[str, object]]:
    conditions, parameters = ["u.tenant_id = :tenant_id", "u.merged_into is null"], dict[str, object]()
    if chosen.updated_since is not None:
        conditions.append("u.updated_at >= :since")
        parameters["since"] = chosen.updated_since
    if chosen.assigned_userid is not None:
        conditions.append("u.assigned_userid = :userid")
        parameters["userid"] = chosen.assigned_userid
    if chosen.standing is not None:
        conditions.append("u.standing = :standing")
        parameters["standing"] = chosen.standing
    if chosen.identity is not None:
        found: list[CustomerId] = likeliest(find_customers(connection, tenant_id, [chosen.identity])[chosen.identity])
        conditions.append("u.id = any(:ids)")
        parameters["ids"] = found
    return conditions, parameters
