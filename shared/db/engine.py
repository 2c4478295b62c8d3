"""Engines. One dialect: PostgreSQL through psycopg 3; every timestamp is aware UTC."""

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, Engine, RowMapping, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from shared.errors import RetryableError, TerminalError

Row = RowMapping


def make_engine(database_url: str, *, pool_size: int = 8, application: str = "guanxi") -> Engine:
    """An engine that checks a connection before use: a restarted database costs one retry, not an error."""
    _, _, rest = database_url.partition("://")
    url = f"postgresql+psycopg://{rest}"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_pre_ping=True,
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

    Covers lost connections, a server that starts, stops or recovers, deadlocks and lock timeouts.
    """
    if not isinstance(error, OperationalError | InterfaceError | DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, OperationalError) and (state == "" or state[:2] in {"08", "40", "53", "55", "57"})


def as_json(rows: object) -> str:
    """Rows for one `jsonb_to_recordset(:rows)` parameter; bytes go as `\\x` hex, times as ISO."""
    return orjson.dumps(rows, default=_hex).decode()


def _hex(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    raise TypeError(f"cannot store {type(value).__name__}")


def fetch_all(connection: Connection, sql: str, **parameters: object) -> Sequence[Row]:
    return connection.execute(text(sql), parameters).mappings().all()


def fetch_one(connection: Connection, sql: str, **parameters: object) -> Row | None:
    return connection.execute(text(sql), parameters).mappings().first()


def run(connection: Connection, sql: str, **parameters: object) -> int:
    """Execute; the number of rows touched."""
    return connection.execute(text(sql), parameters).rowcount


def describe(error: Exception) -> str:
    """What went wrong without what it went wrong with: database errors quote rows, and rows are personal data."""
    if isinstance(error, DBAPIError):
        return f"{type(error.orig).__name__} {getattr(error.orig, 'sqlstate', '') or ''}".strip()
    if isinstance(error, RetryableError | TerminalError):
        return str(error)
    return type(error).__name__
