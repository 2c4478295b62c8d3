"""Time comes from one place, and a file can shift it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import FixedClock, SystemClock, from_unix, monotonic, to_unix


def offset_of(clock: SystemClock) -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_the_system_clock_is_aware_utc():
    """No naive time enters the system."""
    assert SystemClock().now().tzinfo is UTC


def test_an_offset_file_shifts_the_clock_at_once(tmp_path: Path):
    """One file drives every process of a test through a year; it is read at every call."""
    file = tmp_path / "offset"
    clock = SystemClock(file)
    file.write_text("86400")
    assert abs(offset_of(clock) - timedelta(days=1)) < timedelta(seconds=5)
    file.write_text("-3600.5\n")
    assert abs(offset_of(clock) + timedelta(seconds=3600.5)) < timedelta(seconds=5)


@pytest.mark.parametrize("content", [None, "", "tomorrow", "nan", "inf", "1e300"])
def test_a_bad_offset_file_shifts_nothing(tmp_path: Path, content: str | None):
    """A missing or half-written file must not stop a process."""
    file = tmp_path / "offset"
    if content is not None:
        file.write_text(content)
    assert abs(offset_of(SystemClock(file))) < timedelta(seconds=5)


def test_a_fixed_clock_moves_only_when_told():
    """Tests pass the time in."""
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(90)
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 1, -1, 1790000101, 4_102_444_800])
def test_unix_seconds_go_there_and_back(seconds: int):
    """WeCom's times are Unix seconds; ours are aware UTC."""
    assert from_unix(seconds).tzinfo is UTC
    assert to_unix(from_unix(seconds)) == seconds


def test_durations_never_run_backwards():
    """A duration is measured with a clock that nobody sets."""
    assert monotonic() <= monotonic()
