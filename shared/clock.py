"""The only source of the present time.

SQL and Lua take it as an argument, so that one offset file drives every process of a test through a year.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


class SystemClock:
    """The machine's clock, shifted by the seconds found in `offset_file` (read again at every call)."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file

    def now(self) -> datetime:
        present = datetime.now(UTC)
        if self._offset_file is None:
            return present
        try:
            return present + timedelta(seconds=float(self._offset_file.read_text()))
        except (OSError, ValueError, OverflowError):
            return present


class FixedClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, present: datetime) -> None:
        self.present = present

    def now(self) -> datetime:
        return self.present

    def advance(self, seconds: float) -> None:
        self.present += timedelta(seconds=seconds)


def from_unix(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def to_unix(moment: datetime) -> int:
    return int(moment.timestamp())


def monotonic() -> float:
    """Seconds for measuring durations; never for times of day."""
    return time.monotonic()
