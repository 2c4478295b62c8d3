"""Brings the schema up to date: Alembic revisions in plain SQL, then the inbox partitions of the days around today.

Files are named YYYYMMDD_HHMM_pre_<what>.py (runs before the new code) or _post_ (after it); old code must run on the
new schema. A migration may not wait for a lock longer than 4 s nor run longer than 5 s unless its file says why.
"""

from datetime import date, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from shared.db.engine import fetch_all, run

MIGRATION_LOCK = 0x6775616E  # any constant; two `migrate` at once take turns
DAYS_BEHIND, DAYS_AHEAD = 3, 14


def migrate(engine: Engine, *, now: datetime) -> None:
    """Upgrade to the newest revision and make the partitions of the coming days; safe to run twice at once."""
    with engine.connect() as guard, guard.begin():
        guard.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        with engine.connect() as connection:
            _upgrade(connection)
        with engine.begin() as connection:
            make_inbox_partitions(connection, today=now.date())


def _upgrade(connection: Connection) -> None:
    """Every revision is a transaction of its own: what one has locked is free before the next one begins."""
    for setting in ("lock_timeout = '4s'", "statement_timeout = '5s'"):
        connection.execute(text(f"set {setting}"))
    connection.commit()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    finally:
        connection.rollback()
        connection.execute(text("reset lock_timeout"))
        connection.execute(text("reset statement_timeout"))
        connection.commit()


def make_inbox_partitions(connection: Connection, *, today: date) -> int:
    """Make the missing daily partitions around `today`; the number made.

    Rows of such a day that already lie in the default partition move over in the same transaction, so that a repeat
    of their event still meets them.
    """
    have = {
        row["name"]
        for row in fetch_all(
            connection,
            "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid "
            "where i.inhparent = 'inbox'::regclass",
        )
    }
    made = 0
    for offset in range(-DAYS_BEHIND, DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        name = f"inbox_{day:%Y%m%d}"
        if name in have:
            continue
        run(connection, f"create table {name} (like inbox including defaults including constraints)")
        run(connection, "lock table inbox_default in access exclusive mode")
        run(
            connection,
            f"with moved as (delete from inbox_default where day = :day returning *) "  # noqa: S608 - name is a date
            f"insert into {name} select * from moved",
            day=day,
        )
        upper = day + timedelta(days=1)
        run(connection, f"alter table inbox attach partition {name} for values from ('{day}') to ('{upper}')")
        made += 1
    return made
