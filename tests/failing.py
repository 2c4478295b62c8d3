"""A database that fails at statements which a test names."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

LOST = "lost"
DEADLOCK = "40P01"
BUDGETS = "api_budget"
"""Asked right before each call of WeCom's."""
TELLING = "budgets"
"""The thread that tells, some time later, that calls have ended: no test means it."""


@contextmanager
def failing(
    engine: Engine | type[Engine],
    about: str,
    why: str = DEADLOCK,
    *,
    times: int = 1,
    when: Callable[[], bool] = lambda: True,
) -> Iterator[list[str]]:
    """The next statements that name `about` fail: with this SQLSTATE, or with their connection; those that did."""
    failed: list[str] = []

    def fail(connection: Connection, _: Any, statement: str, parameters: Any, *__: Any) -> tuple[str, Any]:
        in_call = threading.current_thread().name != TELLING
        if about not in statement or len(failed) == times or not in_call or not when():
            return statement, parameters
        failed.append(statement)
        if why != LOST:
            return f"do $$ begin raise exception 'a failure' using errcode = '{why}'; end $$", ()
        raw = connection.connection.dbapi_connection
        assert raw is not None
        with connection.engine.connect() as other:
            other.exec_driver_sql(f"select pg_terminate_backend({raw.info.backend_pid}, 5000)")
        return statement, parameters

    event.listen(engine, "before_cursor_execute", fail, retval=True)
    try:
        yield failed
    finally:
        event.remove(engine, "before_cursor_execute", fail)
