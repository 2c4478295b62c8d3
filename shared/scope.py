"""Data scope: which customers a caller may see (ACC-1), enforced by PostgreSQL itself.

A limited caller's statements run as the role `guanxi_scoped`. Row-level security shows it the rows of customers whose
associates are among the caller's (`customer_card.seen_by`), and it may read no table that no policy or grant was
decided for: a query that forgets the scope still obeys it, and a new table is closed until somebody opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId

ROLE = "guanxi_scoped"


@dataclass(frozen=True)
class DataScope:
    """`userid`: this associate's customers. `department_ids`: those of these departments' members, without what lies
    under them. Neither: everything.
    """

    userid: str | None = None
    department_ids: tuple[int, ...] = ()

    @property
    def is_everything(self) -> bool:
        return self.userid is None and not self.department_ids


EVERYTHING = DataScope()


@contextmanager
def seeing(connection: Connection, tenant_id: TenantId, scope: DataScope) -> Iterator[None]:
    """Within, the connection's statements see what the scope shows, and can write nothing; in a transaction only."""
    if scope.is_everything:
        yield
        return
    run(
        connection,
        "select set_config('guanxi.tenant', cast(:tenant_id as text), true), "
        "set_config('guanxi.viewers', cast(cast(:viewers as text[]) as text), true)",
        tenant_id=tenant_id,
        viewers=viewers(connection, tenant_id, scope),
    )
    run(connection, f"set local role {ROLE}")
    yield
    run(connection, "reset role")  # after an error the transaction ends, and the role with it


def sees(connection: Connection, tenant_id: TenantId, scope: DataScope, customer_id: CustomerId) -> bool:
    """Whether this customer, or whom they were merged into, is the caller's."""
    if scope.is_everything:
        return True
    row = fetch_all(
        connection,
        "select coalesce(merged_into, id) as id from customer where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=customer_id,
    )
    with seeing(connection, tenant_id, scope):
        return bool(
            row
            and fetch_all(
                connection,
                "select 1 from customer_card where tenant_id = :tenant_id and customer_id = :id",
                tenant_id=tenant_id,
                id=row[0]["id"],
            )
        )


def viewers(connection: Connection, tenant_id: TenantId, scope: DataScope) -> list[str]:
    """The associates whose customers a limited scope shows."""
    if scope.userid is not None:
        return [scope.userid]
    rows = fetch_all(
        connection,
        "select userid from associate where tenant_id = :tenant_id and (main_department_id = any(:ids) "
        "or department_ids && cast(:ids as bigint[])) order by userid",
        tenant_id=tenant_id,
        ids=list(scope.department_ids),
    )
    return [row["userid"] for row in rows]
