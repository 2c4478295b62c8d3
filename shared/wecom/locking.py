"""Short transactions that lock a row which every process needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from shared.db.engine import run

END_STANDSTILL = "set_config('idle_in_transaction_session_timeout', '5s', true)"
"""PostgreSQL ends the transaction of a process that stands still (stopped, or its machine lost) with the row."""


@contextmanager
def locking(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        run(connection, f"select {END_STANDSTILL}")
        yield connection
