"""The spool's files: a record is 4 bytes length, 4 bytes crc32, then the event; all little-endian.

An event is its numbers and its body as the inbox stores it, which is encrypted already: nothing is readable there.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared.clock import EPOCH
from shared.ids import ReceiverId, TenantId
from shared.inbox import Arrival

_FRAME = struct.Struct("<II")
_EVENT = struct.Struct("<iiqq32s")  # receiver, tenant, occurred and received in microseconds, digest
_NEVER = -(2**63)
_MICROSECOND = timedelta(microseconds=1)
RECORD_MAX_BYTES = 64 * 1024 * 1024


def write_record(arrival: Arrival) -> bytes:
    occurred = _NEVER if arrival.occurred_at is None else _microseconds(arrival.occurred_at)
    event = _EVENT.pack(
        arrival.receiver_id, arrival.tenant_id, occurred, _microseconds(arrival.received_at), arrival.digest
    )
    payload = event + arrival.body
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read_record(payload: bytes) -> Arrival:
    receiver_id, tenant_id, occurred, received, digest = _EVENT.unpack_from(payload)
    return Arrival(
        receiver_id=ReceiverId(receiver_id),
        tenant_id=TenantId(tenant_id),
        digest=digest,
        body=payload[_EVENT.size :],
        occurred_at=None if occurred == _NEVER else EPOCH + occurred * _MICROSECOND,
        received_at=EPOCH + received * _MICROSECOND,
    )


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


@dataclass
class SegmentReader:
    """Reads a file's events in their order up to the first record that is not whole.

    `torn` says afterwards that bytes were left over; `damaged` that they are more than an unfinished last record,
    which only a fault of the disk leaves behind.
    """

    path: Path
    torn: bool = False
    damaged: bool = False

    def __iter__(self) -> Iterator[Arrival]:
        with self.path.open("rb") as file:
            while frame := file.read(_FRAME.size):
                if len(frame) < _FRAME.size:
                    self.torn = True
                    return
                length, checksum = _FRAME.unpack(frame)
                payload = file.read(length) if _EVENT.size <= length <= RECORD_MAX_BYTES else b""
                if len(payload) != length or zlib.crc32(payload) != checksum:
                    self.torn = True
                    self.damaged = len(payload) == length or bool(file.read(1))
                    return
                yield read_record(payload)


def count_records(path: Path) -> int:
    """The whole records of a file, by their lengths alone."""
    size, position, count = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            position += _FRAME.size + int(_FRAME.unpack(frame)[0])
            if position > size:
                break
            count += 1
            file.seek(position)
    return count


def oldest_in(path: Path) -> datetime | None:
    first = next(iter(SegmentReader(path)), None)
    return first.received_at if first else None
