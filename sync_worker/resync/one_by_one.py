"""When one row spoils the recording of many: each part in a savepoint of its own, and only the bad one is missing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Connection

from shared.db.engine import is_away
from shared.errors import RetryableError, TerminalError
from shared.sync_runs import LostLeaseError

Part = TypeVar("Part")


def is_of_a_row(error: Exception) -> bool:
    """Whether what was to be recorded is to blame, and not WeCom, the database, or somebody who took over."""
    return not (is_away(error) or isinstance(error, RetryableError | TerminalError | LostLeaseError))


def record_one_by_one(
    connection: Connection, parts: Iterable[Part], record: Callable[[Part], object]
) -> list[tuple[Part, Exception]]:
    """Record all parts that can be; the others, each with its error."""
    failed = []
    for part in parts:
        try:
            with connection.begin_nested():
                record(part)
        except Exception as error:
            if not is_of_a_row(error):
                raise
            failed.append((part, error))
    return failed
