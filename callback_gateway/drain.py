"""Brings the database back into use: reconnects the committer, and moves spooled events into the inbox in order.

Runs in a thread of its own with a connection of its own, so accepting never waits for it.
"""

import threading
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

import psycopg
import structlog

from callback_gateway import metrics
from callback_gateway.commit import REFUSED_AS_DATA, Committer, Connection, connect, store_each
from callback_gateway.segments import SegmentReader, oldest_in
from callback_gateway.spool import Spool, SpoolError, orphan_slots
from shared.clock import Clock, monotonic
from shared.inbox import STORE, Arrival, columns_of
from shared.queue import Bell

BATCH = 500
LOOK_S = 0.2
ORPHANS_S = 5.0
PATIENCE = 5
"""Nobody waits for a batch from the spool, so it may take this many times longer than one that is waited for."""

log = structlog.get_logger()


class Drain:
    """One per process."""

    def __init__(
        self, committer: Committer, spool: Spool, bell: Bell, *, clock: Clock, database_url: str, timeout_s: float
    ) -> None:
        self._committer, self._spool, self._bell, self._clock = committer, spool, bell, clock
        self._database_url, self._timeout_s = database_url, timeout_s
        self._connection: Connection | None = None
        self._orphans_at = float("-inf")

    def start(self) -> None:
        """Connect the committer if the database answers, then go on in a thread."""
        with suppress(psycopg.Error):
            self._reconnect()
        threading.Thread(target=self._run, name="drain", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_S):
            try:
                self.look()
            except psycopg.Error:
                self._disconnect()
            except (OSError, SpoolError) as error:
                log.warning("drain.disk", reason=type(error).__name__)
            except Exception:  # events wait for this thread: it must outlive any bug
                log.exception("drain.failed")

    def look(self) -> None:
        """Reconnect and drain once, as far as needed.

        Raises:
            psycopg.Error: the database is away; what was not committed stays spooled.
        """
        self._reconnect()  # before anything that reads files: no fault of theirs may keep the database out of use
        self._show_age()
        if self._spool.segments():
            self._connected()
            for path in self._spool.waiting():
                if self._take(path):
                    self._spool.settle(path)
            self._show_age()
        if monotonic() - self._orphans_at >= ORPHANS_S and self._spool.folder.is_dir():
            self._adopt()
            self._orphans_at = monotonic()
        self._disconnect()

    def _reconnect(self) -> None:
        if not self._committer.connected:
            self._committer.use(connect(self._database_url, timeout_s=self._timeout_s))

    def _adopt(self) -> None:
        with orphan_slots(self._spool.folder) as slots:
            for slot in slots:
                for path in slot.segments():
                    if self._take(path):
                        path.unlink(missing_ok=True)
                log.info("drain.adopted", slot=slot.number)

    def _take(self, path: Path) -> bool:
        """Whether the file is done with; one that is not must not hold up those behind it.

        Raises:
            psycopg.Error: the database is away.
        """
        try:
            self._drain(path)
        except psycopg.Error:
            raise
        except (OSError, SpoolError) as error:  # may pass, so it is tried again
            log.warning("drain.disk", file=path.name, reason=type(error).__name__)
            return False
        except Exception:  # one file that nobody can read must not hold up the next ones
            log.exception("drain.unreadable", file=path.name)
            set_aside(path)
        return True

    def _drain(self, path: Path) -> None:
        reader = SegmentReader(path)
        events = iter(reader)
        count = 0
        while batch := list(islice(events, BATCH)):
            refused = self._store_in_order(batch)
            if refused:
                self._spool.refuse(refused)
            count += len(batch)
            metrics.drained.inc(len(batch))
            self._bell.ring()
        if reader.torn:
            metrics.torn.inc()
            log.warning("drain.torn", file=path.name, damaged=reader.damaged)
        if reader.damaged:
            set_aside(path)
        log.info("drain.stored", event_count=count)

    def _store_in_order(self, batch: list[Arrival]) -> list[Arrival]:
        """Like `commit.store`, but row after row, so that the inbox numbers them in the order of their arrival.

        Against a gateway that stores the same events meanwhile this may deadlock; PostgreSQL then ends one of the
        two, and that one repeats.
        """
        connection = self._connected()
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(STORE, [columns_of([arrival]) for arrival in batch])
        except REFUSED_AS_DATA:
            return store_each(connection, batch)
        return []

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._database_url, timeout_s=self._timeout_s * PATIENCE)
        return self._connection

    def _show_age(self) -> None:
        oldest = next((found for path in self._spool.segments() if (found := _oldest_in(path)) is not None), None)
        metrics.spool_age.set((self._clock.now() - oldest).total_seconds() if oldest else 0)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _oldest_in(path: Path) -> datetime | None:
    try:
        return oldest_in(path)
    except OSError:
        return None


def set_aside(path: Path) -> None:
    """Keep a file for a person. Segments are numbered anew when all are gone, so an older one may have the name."""
    kept = path.with_suffix(".damaged")
    number = 1
    while kept.exists():
        kept = path.with_suffix(f".{number}.damaged")
        number += 1
    path.rename(kept)
