"""Associates by part of their name, for whoever picks one (CUS-2). A corp has few thousand: all are looked at."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.associates.adding import CAN_ADD
from shared.db.engine import fetch_all
from shared.grams import folded_sql
from shared.ids import TenantId, UserId

NAMED = (
    f"(strpos({folded_sql('a.name')}, {folded_sql('cast(:part as text)')}) > 0 "
    f"or strpos({folded_sql('a.userid')}, {folded_sql('cast(:part as text)')}) > 0)"
)


@dataclass(frozen=True)
class ListedAssociate:
    """`can_add`: works here, is in sight and has the customer-contact function. `gone_at`: left the corp."""

    userid: UserId
    name: str | None
    main_department_id: int | None
    outlet_name: str | None
    can_add: bool
    gone_at: datetime | None


def list_associates(
    connection: Connection, tenant_id: TenantId, *, part: str | None, gone: bool, after: str, limit: int
) -> list[ListedAssociate]:
    """The next by userid. `part`: of name or userid. `gone`: those who left as well. `after`: "" starts."""
    rows = fetch_all(
        connection,
        f"select a.userid, a.name, a.main_department_id, o.name as outlet_name, {CAN_ADD} as can_add, a.gone_at "  # noqa: S608 - constants
        "from associate a left join outlet o on o.tenant_id = a.tenant_id and o.department_id = a.main_department_id "
        "where a.tenant_id = :tenant_id and a.renamed_to is null and a.userid > :after "
        f"and (cast(:part as text) is null or {NAMED}) and (:gone or a.gone_at is null) "
        "order by a.userid limit :limit",
        tenant_id=tenant_id,
        part=part,
        gone=gone,
        after=after,
        limit=limit,
    )
    return [ListedAssociate(**row) for row in rows]
