"""The spool's files: what is written is read back, and damage is told from an unfinished end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback_gateway.segments import SegmentReader, count_records, read_record, write_record
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
