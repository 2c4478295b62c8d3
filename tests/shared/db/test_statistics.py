"""Tables that grow faster than autovacuum looks."""

from sqlalchemy import Engine

from shared.db.engine import fetch_one, run
from shared.db.statistics import FEWEST, analyse_grown


def _fill(engine: Engine, low: int, high: int) -> None:
    with engine.connect() as connection:
        run(connection, "create table if not exists many (n integer)")
        run(connection, "insert into many select generate_series(cast(:low as integer), :high)", low=low, high=high)
        run(connection, "select pg_stat_force_next_flush()")
        connection.commit()
        run(connection, "select 1")
        connection.commit()


def test_a_table_that_grew_is_analysed_once_until_it_has_doubled(engine: Engine) -> None:
    """A first sync fills empty tables in minutes: what makes cards beside it must not plan for empty ones (CUS-2)."""
    _fill(engine, 1, FEWEST)
    assert "many" not in analyse_grown(engine), "a few rows are autovacuum's"
    _fill(engine, FEWEST + 1, 3 * FEWEST)
    assert "many" in analyse_grown(engine)
    with engine.connect() as connection:
        row = fetch_one(connection, "select reltuples from pg_class where relname = 'many'")
    assert row is not None and row["reltuples"] == 3 * FEWEST
    _fill(engine, 1, 2 * FEWEST)
    assert "many" not in analyse_grown(engine)
    _fill(engine, 1, 2 * FEWEST)
    assert "many" in analyse_grown(engine)


def test_a_table_that_somebody_else_analyses_is_left_to_them(engine: Engine) -> None:
    """Neither waited for nor looked at again and again; others have their turn."""
    _fill(engine, 1, 3 * FEWEST)
    with engine.connect() as other:
        run(other, "lock table many in share update exclusive mode")
        analyse_grown(engine)
        row = fetch_one(other, "select reltuples from pg_class where relname = 'many'")
        assert row is not None and row["reltuples"] == -1
    assert "many" in analyse_grown(engine)
