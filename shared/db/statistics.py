"""Statistics of tables that grow faster than autovacuum looks (once a minute).

A corp's first sync fills empty tables with a million rows in minutes; without statistics PostgreSQL takes them for
empty ones, and plans that are right for ten rows cost ten times as much for a thousand (measured on cards).
"""

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from shared.db.engine import describe, fetch_all, is_away, run

log = structlog.get_logger()

FEWEST = 1000
GROWN = """
select quote_ident(s.relname) as name from pg_stat_user_tables s join pg_class c on c.oid = s.relid
where s.schemaname = current_schema() and s.n_mod_since_analyze > greatest(c.reltuples, :fewest)
  and pg_has_role(c.relowner, 'usage')
order by s.relname
"""


def analyse_grown(engine: Engine) -> list[str]:
    """Analyse each table of ours that has changed by as many rows as it had at the last time; their names.

    A table that somebody else vacuums or analyses at this moment is left to them.

    So a table that grows to a million is analysed ten times on the way; the slower changes are autovacuum's.
    """
    with engine.begin() as connection:
        names = [str(row["name"]) for row in fetch_all(connection, GROWN, fewest=FEWEST)]
    for name in names:
        try:
            with engine.begin() as connection:
                run(connection, f"analyze (skip_locked) {name}")
        except DBAPIError as error:
            if is_away(error):
                raise
            log.warning("statistics.failed", table=name, reason=describe(error))  # the others have their turn
    return names
