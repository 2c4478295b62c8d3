"""Group commit: all callbacks that wait share one transaction, so their number costs no more than one commit.

Requests hand over an event and wait. One thread stores what has gathered, and lets them go: answered means committed
here, or fsynced in the spool when the database does not take it in time.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import psycopg
import structlog
from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

from callback_gateway import metrics
from callback_gateway.spool import Spool, SpoolError
from shared.clock import monotonic
from shared.inbox import STORE, Arrival, columns_of
from shared.queue import Bell
from shared.urgent import STORE_URGENT, urgent_columns_of

BATCH_MAX = 500
WAITING_MAX_BYTES = 64 * 1024 * 1024
REFUSED_AS_DATA = (DataError, IntegrityError, ProgramLimitExceeded)

Connection = psycopg.Connection[tuple[object, ...]]
log = structlog.get_logger()


class NotStoredError(Exception):
    """The event is not durable and must not be answered as received; `reason` is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def connect(database_url: str, *, timeout_s: float) -> Connection:
    """
    Raises:
        psycopg.Error: the database is away.
    """
    return psycopg.connect(
        database_url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        prepare_threshold=0,
        connect_timeout=max(2, round(timeout_s)),
        application_name="guanxi-gateway-inbox",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        options=f"-c timezone=UTC -c synchronous_commit=on -c statement_timeout={round(timeout_s * 1000)}",
    )


def store(connection: Connection, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Commit the events; those that the database refuses as data, after all others were committed.

    Raises:
        psycopg.Error: the database is away, or does not know; a repeat is harmless.
    """
    try:
        _store(connection, arrivals)
    except REFUSED_AS_DATA:
        return store_each(connection, arrivals)
    return []


def _store(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    """Only a batch in which something is urgent pays for that."""
    if any(one.is_urgent for one in arrivals):
        connection.execute(STORE_URGENT, urgent_columns_of(arrivals))
    else:
        connection.execute(STORE, columns_of(arrivals))


def store_each(connection: Connection, arrivals: Sequence[Arrival]) -> list[Arrival]:
    refused = []
    for arrival in arrivals:
        try:
            _store(connection, [arrival])
        except REFUSED_AS_DATA:
            refused.append(arrival)
    return refused


Outcome = asyncio.Future[str | None]
"""None when the event is durable, else why not."""


def _tell(outcomes: list[Outcome], reason: str | None) -> None:
    for outcome in outcomes:
        if not outcome.done():  # its caller may have hung up
            outcome.set_result(reason)


class Committer:
    """One per process. Without a connection (see `use`) everything goes to the spool."""

    def __init__(self, spool: Spool, bell: Bell, *, max_waiting: int, timeout_s: float) -> None:
        self._spool, self._bell, self._max_waiting, self._timeout_s = spool, bell, max_waiting, timeout_s
        self._queue: SimpleQueue[tuple[Arrival, Outcome]] = SimpleQueue()
        self._waiting_bytes = 0  # only touched on the event loop
        self._connection: Connection | None = None
        self._guard = threading.Lock()  # protects _connection and _deadline
        self._deadline: float | None = None
        self._to_database = metrics.accepted.labels("database")
        self._to_spool = metrics.accepted.labels("spool")

    def start(self) -> None:
        threading.Thread(target=self._commit_forever, name="commit", daemon=True).start()
        threading.Thread(target=self._watch_forever, name="commit-watch", daemon=True).start()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def use(self, connection: Connection) -> None:
        """Commit through this connection until it fails."""
        with self._guard:
            self._connection = connection
        metrics.database_up.set(1)
        log.info("commit.connected")

    async def store(self, arrival: Arrival) -> None:
        """Return once the event is durable.

        Raises:
            NotStoredError: too many wait, or neither database nor disk takes it.
        """
        if self._queue.qsize() >= self._max_waiting or self._waiting_bytes > WAITING_MAX_BYTES:
            raise NotStoredError("overloaded")
        outcome: Outcome = asyncio.get_running_loop().create_future()
        self._waiting_bytes += len(arrival.body)
        self._queue.put((arrival, outcome))
        try:
            reason = await outcome
        finally:
            self._waiting_bytes -= len(arrival.body)
        if reason is not None:
            raise NotStoredError(reason)

    def _commit_forever(self) -> None:
        while True:
            batch = [self._queue.get()]
            with suppress(Empty):
                while len(batch) < BATCH_MAX:
                    batch.append(self._queue.get_nowait())
            try:
                reason = self._make_durable([arrival for arrival, _ in batch])
            except Exception:  # this thread is what every request waits for: it must outlive any bug
                log.exception("commit.failed")
                reason = "failed"
            outcomes = [outcome for _, outcome in batch]
            with suppress(RuntimeError):  # the loop is closed: the process ends, nobody waits any more
                outcomes[0].get_loop().call_soon_threadsafe(_tell, outcomes, reason)

    def _make_durable(self, arrivals: list[Arrival]) -> str | None:
        """None when durable, else why not."""
        if self._connection is not None and self._commit(self._connection, arrivals):
            self._to_database.inc(len(arrivals))
            self._bell.ring()
            return None
        try:
            self._spool.append(arrivals)
        except SpoolError:
            return "disk"
        self._to_spool.inc(len(arrivals))
        return None

    def _commit(self, connection: Connection, arrivals: list[Arrival]) -> bool:
        started = monotonic()
        self._deadline = started + self._timeout_s
        try:
            refused = store(connection, arrivals)
            if refused:
                self._spool.refuse(refused)
        except (psycopg.Error, SpoolError) as error:
            self._drop(type(error).__name__)
            return False
        finally:
            with self._guard:
                self._deadline = None
        metrics.commit_seconds.observe(monotonic() - started)
        metrics.commit_events.observe(len(arrivals))
        return True

    def _drop(self, reason: str) -> None:
        with self._guard:
            connection, self._connection, self._deadline = self._connection, None, None
        if connection is not None:
            connection.close()
        metrics.database_up.set(0)
        log.warning("commit.database_away", reason=reason)

    def _watch_forever(self) -> None:
        """Cut the connection of a commit that takes too long: its thread then fails over to the spool at once."""
        pause = threading.Event()
        while not pause.wait(self._timeout_s / 4):
            with self._guard:
                if self._connection is not None and self._deadline is not None and monotonic() > self._deadline:
                    _cut(self._connection)


def _cut(connection: Connection) -> None:
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        log.debug("commit.already_cut")
