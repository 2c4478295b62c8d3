"""The spool's promise: an event is called stored only when file and folder are on the disk."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from callback_gateway import spool as module
from callback_gateway.commit import WAITING_MAX_BYTES, Committer, NotStoredError
from callback_gateway.segments import SegmentReader
from callback_gateway.spool import Spool, SpoolError
from shared.ids import ReceiverId, TenantId
from shared.inbox import Arrival

EVENT = Arrival(ReceiverId(1), TenantId(1), bytes(32), b"body", None, datetime(2026, 11, 22, tzinfo=UTC))
Synced = list[Path]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Synced]:
    """Makes the next so many fsyncs of a folder fail; the list gets the folders of those that succeed."""
    real = module._fsync_folder

    def fail(count: int) -> Synced:
        left, synced = [None] * count, []

        def fsync(folder: Path) -> None:
            if left:
                left.pop()
                raise OSError(5, "Input/output error")
            real(folder)
            synced.append(folder)

        monkeypatch.setattr(module, "_fsync_folder", fsync)
        return synced

    return fail


def test_a_folder_that_was_not_synced_is_synced_before_the_next_event(
    tmp_path: Path, failing: Callable[[int], Synced]
) -> None:
    """A file whose folder entry may be lost with the power takes no event."""
    spool = Spool(tmp_path / "spool", max_bytes=10**6)
    spool.claim()
    synced = failing(1)
    with pytest.raises(SpoolError):
        spool.append([EVENT])
    assert spool.usable is False
    assert not list(tmp_path.glob("spool/*/*.events"))
    spool.append([EVENT])
    assert synced == [tmp_path / "spool" / "0"]
    (segment,) = spool.segments()
    assert list(SegmentReader(segment)) == [EVENT]
    assert spool.usable


def test_new_parent_folders_are_synced_even_after_a_failure(tmp_path: Path, failing: Callable[[int], Synced]) -> None:
    """Every folder made on the way is as good as lost until the one above it is on the disk."""
    spool = Spool(tmp_path / "new" / "home" / "spool", max_bytes=10**6)
    synced = failing(1)
    with pytest.raises(SpoolError):
        spool.claim()
    spool.claim()
    home = tmp_path / "new" / "home"
    assert set(synced) >= {tmp_path, tmp_path / "new", home, home / "spool", home / "spool" / "0"}


def test_a_failed_claim_keeps_no_lock(tmp_path: Path, failing: Callable[[int], Synced]) -> None:
    """The next attempt takes the same slot, and no descriptor is lost."""
    spool = Spool(tmp_path / "spool", max_bytes=10**6)
    failing(3)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(SpoolError):
            spool.claim()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    spool.claim()
    assert spool.slot is not None
    assert spool.slot.number == 0


def test_what_waits_is_bounded_by_bytes_too(tmp_path: Path) -> None:
    """A few hundred large events would fit the count and not the memory."""
    large = replace(EVENT, body=bytes(WAITING_MAX_BYTES // 2 + 1))
    committer = Committer(Spool(tmp_path / "spool", max_bytes=10**6), Mock(), max_waiting=1000, timeout_s=1)

    async def offer() -> None:
        waiting = [asyncio.ensure_future(committer.store(large)) for _ in range(2)]  # nobody commits them
        await asyncio.sleep(0)
        with pytest.raises(NotStoredError, match="overloaded"):
            await committer.store(EVENT)
        waiting[0].cancel()
        await asyncio.wait(waiting, timeout=0.01)
        waiting[1].cancel()
        assert committer._waiting_bytes <= len(large.body)

    asyncio.run(offer())
