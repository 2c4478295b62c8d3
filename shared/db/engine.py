"""Engines. One dialect: PostgreSQL through psycopg 3; every timestamp is aware UTC."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

import orjson
from sqlalchemy import Connection, Engine, RowMapping, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from shared.errors import RetryableError, TerminalError

Row = RowMapping
Result = TypeVar("Result")


def make_engine(database_url: str, *, pool_size: int = 8, application: str = "guanxi") -> Engine:
    """An engine that checks a connection before use: a restarted database costs one retry, not an error."""
    _, _, rest = database_url.partition("://")
    url = f"postgresql+psycopg://{rest}"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_pre_ping=True,
        use_native_hstore=False,  # nothing is of that type, and asking whether it is there costs each connection
        hide_parameters=True,  # they are personal data; error texts reach logs
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "options": "-c timezone=UTC",
            # No prepared statements: a plan made while a table was small would scan it for ever. Poolers like it too.
            "prepare_threshold": None,
        },
    )


def is_away(error: BaseException) -> bool:
    """Whether the database, not the statement, is at fault: the same work may succeed in a moment.

    Covers lost connections and a server that starts, stops, recovers or is full.
    """
    if not isinstance(error, OperationalError | InterfaceError | DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, OperationalError) and (state == "" or state[:2] in {"08", "53", "57"})


CONFLICTS = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available: the same transaction may succeed at once."""
MOST_CONFLICTS = 3


class AgainError(RetryableError):
    """What the transaction went by changed before it held it: the same transaction is to start over."""


def transact(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """`work` in a transaction of its own; again from its start when it lost a conflict with another one."""
    for _ in range(MOST_CONFLICTS):
        try:
            with engine.begin() as connection:
                return work(connection)
        except (AgainError, DBAPIError) as error:
            if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) not in CONFLICTS:
                raise
            conflict: Exception = error
    raise conflict


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed in a moment: the database is away, another one was in its way, or all
    connections of this process were in use."""
    if isinstance(error, NoConnectionError):
        return True
    return is_away(error) or (isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in CONFLICTS)


def as_json(rows: object) -> str:
    """Rows for one `jsonb_to_recordset(:rows)` parameter; bytes go as `\\x` hex, times as ISO."""
    return orjson.dumps(rows, default=_hex).decode()


def as_bytes(values: Iterable[bytes | None]) -> str:
    """An array for one `cast(:values as bytea[])` parameter, in a tenth of the time the driver takes for a list."""
    return "{" + ",".join("null" if one is None else f'"\\\\x{one.hex()}"' for one in values) + "}"


def _hex(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    raise TypeError(f"cannot store {type(value).__name__}")


_statement = lru_cache(maxsize=2048)(text)
"""Statements are few and constant: their parameters are looked for once."""


def fetch_all(connection: Connection, sql: str, **parameters: object) -> Sequence[Row]:
    return connection.execute(_statement(sql), parameters).mappings().all()


def fetch_one(connection: Connection, sql: str, **parameters: object) -> Row | None:
    return connection.execute(_statement(sql), parameters).mappings().first()


def run(connection: Connection, sql: str, **parameters: object) -> int:
    """Execute; the number of rows touched."""
    return connection.execute(_statement(sql), parameters).rowcount


def describe(error: Exception) -> str:
    """What went wrong without what it went wrong with: database errors quote rows, and rows are personal data."""
    if isinstance(error, DBAPIError):
        return f"{type(error.orig).__name__} {getattr(error.orig, 'sqlstate', '') or ''}".strip()
    if isinstance(error, RetryableError | TerminalError):
        return str(error)
    return type(error).__name__
