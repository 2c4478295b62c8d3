"""Every table that holds something of a customer is looked after when a customer is deleted."""

from sqlalchemy import Connection

from services.erasing.tables import ERASED, ERASED_IF_GONE, KEPT
from shared.db.engine import fetch_all


def test_every_table_with_a_customer_is_decided_upon(connection: Connection):
    """Whoever adds one says whether it goes with the customer (CUS-8)."""
    rows = fetch_all(
        connection,
        "select c.table_name as name from information_schema.columns c join information_schema.tables t "
        "using (table_schema, table_name) join pg_class k on k.relname = c.table_name and not k.relispartition "
        "where c.table_schema = 'public' and c.column_name = 'customer_id' and t.table_type = 'BASE TABLE'",
    )
    decided = [*ERASED, *ERASED_IF_GONE, *KEPT]
    assert sorted(row["name"] for row in rows) == sorted(decided)
