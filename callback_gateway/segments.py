"""The spool's files: a record is 4 bytes length, 4 bytes crc32, then the event; all little-endian.

An event is its numbers and its body as the inbox stores it, which is encrypted already: nothing is readable there.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from shared.clock import EPOCH
from shared.ids import ReceiverId, TenantId
from shared.inbox import Arrival

_FRAME = struct.Struct("<II")
_EVENT = struct.Struct("<iiqq32s")  # receiver, tenant, occurred and received in microseconds, digest
_NEVER = -(2**63)
_MICROSECOND = timedelta(microseconds=1)
_BLOCK_BYTES = 1024 * 1024
RECORD_MAX_BYTES = 64 * 1024 * 1024
_SEED = 0x67C1
"""Where the checksum starts: with 0, a run of zeros, which a power cut leaves behind, would be a record in itself."""


def write_record(arrival: Arrival) -> bytes:
    occurred = _NEVER if arrival.occurred_at is None else _microseconds(arrival.occurred_at)
    event = _EVENT.pack(
        arrival.receiver_id, arrival.tenant_id, occurred, _microseconds(arrival.received_at), arrival.digest
    )
    payload = event + arrival.body
    return _FRAME.pack(len(payload), zlib.crc32(payload, _SEED)) + payload


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

    `torn` says afterwards that bytes were left over; `damaged` that they are more than an unfinished last record
    or zeros, which only a fault of the disk leaves behind.
    """

    path: Path
    torn: bool = False
    damaged: bool = False

    def __iter__(self) -> Iterator[Arrival]:
        with self.path.open("rb") as file:
            while frame := file.read(_FRAME.size):
                arrival, payload_is_whole = self._next(frame, file)
                if arrival is None:
                    self.torn = True
                    self.damaged = payload_is_whole or _has_content(file)
                    return
                yield arrival

    @staticmethod
    def _next(frame: bytes, file: BinaryIO) -> tuple[Arrival | None, bool]:
        """The record, if it is one, and whether as many bytes were there as it announced."""
        if len(frame) < _FRAME.size:
            return None, False
        length, checksum = _FRAME.unpack(frame)
        if not _is_legal(length):
            return None, any(frame)
        payload = file.read(length)
        if len(payload) != length or zlib.crc32(payload, _SEED) != checksum:
            return None, len(payload) == length
        try:
            return read_record(payload), True
        except (struct.error, OverflowError):  # whole, but not of this version
            return None, True


def _is_legal(length: int) -> bool:
    return _EVENT.size <= length <= RECORD_MAX_BYTES


def _has_content(file: BinaryIO) -> bool:
    """Whether anything but zeros is left: a file system may have extended the file before a power cut."""
    return any(block.strip(b"\0") for block in iter(lambda: file.read(_BLOCK_BYTES), b""))


def count_records(path: Path) -> int:
    """The whole records of a file, by their lengths alone."""
    size, position, count = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            length = int(_FRAME.unpack(frame)[0])
            position += _FRAME.size + length
            if position > size or not _is_legal(length):
                break
            count += 1
            file.seek(position)
    return count


def oldest_in(path: Path) -> datetime | None:
    first = next(iter(SegmentReader(path)), None)
    return first.received_at if first else None
