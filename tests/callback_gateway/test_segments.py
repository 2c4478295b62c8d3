"""The spool's files: what is written is read back, and damage is told from an unfinished end."""

import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.drain import set_aside
from callback_gateway.segments import SegmentReader, count_records, oldest_in, read_record, write_record
from shared.clock import EPOCH
from shared.ids import ReceiverId, TenantId
from shared.inbox import Arrival

MOMENTS = st.integers(900_000_000_000_000, 4_100_000_000_000_000).map(lambda us: EPOCH + timedelta(microseconds=us))
ARRIVALS = st.builds(
    Arrival,
    receiver_id=st.integers(1, 2**31 - 1).map(ReceiverId),
    tenant_id=st.integers(1, 2**31 - 1).map(TenantId),
    digest=st.binary(min_size=32, max_size=32),
    body=st.binary(max_size=2000),
    occurred_at=st.none() | MOMENTS,
    received_at=MOMENTS,
)


def arrival(number: int) -> Arrival:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    return Arrival(ReceiverId(1), TenantId(1), number.to_bytes(32, "big"), b"body" * number, None, moment)


@given(ARRIVALS)
def test_a_record_is_read_back_as_it_was_written(written: Arrival) -> None:
    """To the microsecond, with or without a time of its own."""
    assert read_record(write_record(written)[8:]) == written


@pytest.mark.parametrize("cut", [1, 7, 30, 60])
def test_an_unfinished_last_record_ends_the_file_quietly(tmp_path: Path, cut: int) -> None:
    """A process was killed while it wrote: the whole records before it count, the file is torn but not damaged."""
    path = tmp_path / "1.events"
    path.write_bytes(b"".join(write_record(arrival(number)) for number in range(3))[:-cut])
    reader = SegmentReader(path)
    assert list(reader) == [arrival(0), arrival(1)]
    assert (reader.torn, reader.damaged, count_records(path)) == (True, False, 2)


def test_a_changed_byte_in_the_middle_is_damage(tmp_path: Path) -> None:
    """Only a fault of the disk does that, so the file is kept for a person."""
    path = tmp_path / "1.events"
    content = bytearray(b"".join(write_record(arrival(number)) for number in range(3)))
    content[len(write_record(arrival(0))) + 20] ^= 1
    path.write_bytes(content)
    reader = SegmentReader(path)
    assert list(reader) == [arrival(0)]
    assert (reader.torn, reader.damaged) == (True, True)


@pytest.mark.parametrize("zeros", [1, 8, 512, 4096])
def test_zeros_at_the_end_are_an_unfinished_record(tmp_path: Path, zeros: int) -> None:
    """A file system may extend a file before a power cut and never write it: nothing of it was answered."""
    path = tmp_path / "1.events"
    path.write_bytes(b"".join(write_record(arrival(number)) for number in range(3)) + bytes(zeros))
    reader = SegmentReader(path)
    assert list(reader) == [arrival(0), arrival(1), arrival(2)]
    assert (reader.torn, reader.damaged, count_records(path)) == (True, False, 3)
    path.write_bytes(bytes(zeros))
    assert (list(SegmentReader(path)), count_records(path), oldest_in(path)) == ([], 0, None)


def test_zeros_before_other_records_are_damage(tmp_path: Path) -> None:
    """What follows was answered and cannot be found by lengths any more, so a person looks at the file."""
    path = tmp_path / "1.events"
    path.write_bytes(write_record(arrival(0)) + bytes(64) + write_record(arrival(1)))
    reader = SegmentReader(path)
    assert list(reader) == [arrival(0)]
    assert (reader.torn, reader.damaged, count_records(path)) == (True, True, 1)


@pytest.mark.parametrize("length", [0, 1, 55, 64 * 1024 * 1024 + 1, 2**32 - 1])
def test_a_length_that_no_record_has_ends_the_reading(tmp_path: Path, length: int) -> None:
    """Neither read into memory nor counted."""
    path = tmp_path / "1.events"
    path.write_bytes(write_record(arrival(0)) + length.to_bytes(4, "little") + b"\x01" * 500)
    assert list(SegmentReader(path)) == [arrival(0)]
    assert count_records(path) == 1


def test_no_run_of_zeros_is_a_record() -> None:
    """Its checksum starts from something else, or crc32 would call it right."""
    assert write_record(arrival(0))[4:8] != zlib.crc32(write_record(arrival(0))[8:]).to_bytes(4, "little")


def test_a_file_set_aside_replaces_no_older_one(tmp_path: Path) -> None:
    """Segments are numbered from 1 again when all are gone."""
    for content in (b"first", b"second", b"third"):
        (tmp_path / "000000000001.events").write_bytes(content)
        set_aside(tmp_path / "000000000001.events")
    assert sorted(path.read_bytes() for path in tmp_path.glob("*.damaged")) == [b"first", b"second", b"third"]
