"""No encrypted column is forgotten."""

from sqlalchemy import Engine

from services.keys.columns import PLAIN, SEALED
from shared.db.engine import fetch_all

BYTES = """
select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
where a.atttypid = 'bytea'::regtype and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')
  and not c.relispartition and c.relnamespace = 'public'::regnamespace
"""
KEYS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as kind from pg_constraint k
join unnest(k.conkey) with ordinality as p(number, place) on true
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.number
where k.contype = 'p' and k.conrelid = cast(:name as regclass) and a.attname <> 'tenant_id' order by p.place
"""


def test_every_column_of_bytes_is_listed_as_encrypted_or_not(rolled_back_engine: Engine):
    """A change of keys reaches all that is encrypted: who adds a column of bytes says what is in it (G10)."""
    with rolled_back_engine.connect() as connection:
        there = {row["name"] for row in fetch_all(connection, BYTES)}
    sealed = {f"{one.table}.{name}" for one in SEALED for name in one.columns}
    assert sealed & PLAIN.keys() == set()
    assert there - sealed - PLAIN.keys() == set(), "new columns: see services/keys/columns.py"
    assert (sealed | PLAIN.keys()) - there == set(), "columns that are gone"


def test_pages_go_by_the_primary_keys_of_the_tables(rolled_back_engine: Engine):
    """Keyset paging: each page is one range of an index, and no row is passed over (ACC-3)."""
    with rolled_back_engine.connect() as connection:
        for one in SEALED:
            kinds = {row["name"]: row["kind"] for row in fetch_all(connection, KEYS, name=one.table)}
            assert list(one.key) == list(kinds), one.table
