"""Where events wait on the local disk while the database is away.

`<home>/spool/<slot>/` belongs to one living process, by an flock that the kernel drops when it dies. Events are
appended to segments and fsynced before they are answered; a segment is deleted after its events are committed.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from callback_gateway import metrics
from callback_gateway.segments import count_records, write_record
from shared.inbox import Arrival

SEGMENT_BYTES = 32 * 1024 * 1024
SLOTS_MAX = 1024
SUFFIX = ".events"

log = structlog.get_logger()


class SpoolError(Exception):
    """The disk does not take an event: full, broken, not writable, or the spool is at its limit."""


class Slot:
    """One process's folder, locked for as long as this object is open."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder, self._lock = folder, lock

    @property
    def number(self) -> int:
        return int(self.folder.name)

    def segments(self) -> list[Path]:
        """The oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def close(self) -> None:
        os.close(self._lock)


def lock_slot(folder: Path) -> Slot | None:
    """None when a living process has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return Slot(folder, lock)


def first_free_slot(spool: Path) -> Slot:
    """
    Raises:
        OSError: the folder cannot be made or locked.
    """
    for number in range(SLOTS_MAX):
        if (slot := lock_slot(spool / str(number))) is not None:
            return slot
    raise OSError(f"{SLOTS_MAX} processes spool in one folder")


@contextmanager
def orphan_slots(spool: Path) -> Iterator[list[Slot]]:
    """The slots of processes that died with events in them, locked meanwhile."""
    found: list[Slot] = []
    try:
        for folder in sorted(spool.iterdir()):
            if folder.is_dir() and any(folder.glob(f"*{SUFFIX}")) and (slot := lock_slot(folder)) is not None:
                found.append(slot)
        yield found
    finally:
        for slot in found:
            slot.close()


class Spool:
    """Appends for one process. The disk may fail at any call; the next call tries again from scratch."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        self._guard = threading.Lock()
        self._slot: Slot | None = None
        self._current: tuple[Path, int] | None = None  # the open segment and its descriptor
        self._sizes: dict[Path, tuple[int, int]] = {}  # bytes and events of each segment
        self._next_number = 0
        self._unsynced: set[Path] = set()  # folders in which one was made that may be lost with the power
        self.usable: bool | None = None
        """Whether the disk took what was last tried; None before the first attempt."""

    @property
    def slot(self) -> Slot | None:
        return self._slot

    def claim(self) -> None:
        """Take a slot, with what an earlier process left in it.

        Raises:
            SpoolError: the folder is not usable.
        """
        with self._guard, self._trying():
            self._claim()

    def append(self, arrivals: Sequence[Arrival]) -> None:
        """Make the events durable.

        Raises:
            SpoolError: none of them may be called stored.
        """
        records = b"".join(map(write_record, arrivals))
        with self._guard, self._trying():
            self._claim()
            if sum(size for size, _ in self._sizes.values()) + len(records) > self._max_bytes:
                raise SpoolError("the spool is at its limit")
            path, file = self._current or self._open_segment()
            try:
                _write_all(file, records)
                os.fsync(file)
            except OSError:
                self._abandon(path)
                raise
            size, count = self._sizes[path]
            self._sizes[path] = size + len(records), count + len(arrivals)
            self._show()
            if size + len(records) >= SEGMENT_BYTES:
                self._seal()

    def refuse(self, arrivals: Sequence[Arrival]) -> None:
        """Keep events that the database refuses as data, for a person to look at.

        Raises:
            SpoolError: not kept.
        """
        with self._guard, self._trying():
            self._claim()
            assert self._slot is not None
            file = os.open(self._slot.folder / "refused", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                _write_all(file, b"".join(map(write_record, arrivals)))
                os.fsync(file)
                _fsync_folder(self._slot.folder)
            finally:
                os.close(file)
        metrics.refused_rows.inc(len(arrivals))
        log.error("spool.refused_by_database", event_count=len(arrivals))

    def segments(self) -> list[Path]:
        """The files with events in them, the oldest first; the last may still grow."""
        with self._guard:
            return sorted(self._sizes)

    def waiting(self) -> list[Path]:
        """Close the open segment; all segments, the oldest first."""
        with self._guard:
            self._seal()
            return sorted(self._sizes)

    def settle(self, path: Path) -> None:
        """Forget a segment whose events are committed."""
        with self._guard:
            path.unlink(missing_ok=True)
            self._sizes.pop(path, None)
            self._show()

    def check(self) -> None:
        """
        Raises:
            SpoolError: an event could not be written now.
        """
        with self._guard, self._trying():
            self._claim()
            assert self._slot is not None
            probe = os.open(self._slot.folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(probe, b"1")
            finally:
                os.close(probe)

    @contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self.usable is not False:
                log.error("spool.disk", reason=error.strerror)
            self.usable = False
            raise SpoolError(error.strerror) from error
        except SpoolError:
            self.usable = False
            raise
        self.usable = True

    def _claim(self) -> None:
        if self._slot is not None:
            return
        # Kept until they are on the disk: after a failed attempt nothing is missing any more, but still not durable.
        self._unsynced |= {path.parent for path in (self.folder, *self.folder.parents) if not path.exists()}
        slot = first_free_slot(self.folder)
        try:
            for folder in {slot.folder, self.folder, *self._unsynced}:
                _fsync_folder(folder)
            sizes = {path: (path.stat().st_size, count_records(path)) for path in slot.segments()}
        except BaseException:
            slot.close()
            raise
        self._unsynced.clear()
        self._sizes = sizes
        last = max((int(path.stem) for path in self._sizes), default=0)
        self._next_number, self._slot = last + 1, slot
        self._show()

    def _open_segment(self) -> tuple[Path, int]:
        assert self._slot is not None
        path = self._slot.folder / f"{self._next_number:012d}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._next_number += 1
        try:
            _fsync_folder(self._slot.folder)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._current, self._sizes[path] = (path, file), (0, 0)
        return self._current

    def _abandon(self, path: Path) -> None:
        # What follows a torn record is never read, so nothing more goes into this file.
        self._seal()
        if self._sizes[path][1] == 0:
            path.unlink(missing_ok=True)
            del self._sizes[path]

    def _seal(self) -> None:
        if self._current is not None:
            os.close(self._current[1])
            self._current = None

    def _show(self) -> None:
        metrics.spool_bytes.set(sum(size for size, _ in self._sizes.values()))
        metrics.spool_events.set(sum(count for _, count in self._sizes.values()))


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
