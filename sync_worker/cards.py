"""The thread of a worker process that makes cards anew: whatever a customer's card shows has changed.

Marks are taken in the transaction that makes the cards, so that a process that is killed loses none. One process at a
time works on a corp; what changes meanwhile leaves a mark of its own.
"""

import threading
from collections.abc import Sequence

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.cards.model import Refreshed
from services.cards.store import refresh_cards, take_due, tenants_due
from shared.db.engine import describe, is_away
from shared.directory import Directory
from shared.ids import CustomerId
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.ruling import Ruling

BATCH = 1000
"""Marks of a transaction: some tens of milliseconds, a few megabytes."""
LOOK_EVERY_S = 1.0
"""Marks ring nothing, so somebody looks; that costs one lookup per corp."""

log = structlog.get_logger()
made = Counter("guanxi_cards_made", "Cards that were made anew, by outcome", ["outcome"])


class Cards:
    def __init__(self, runtime: Runtime, *, directory: Directory) -> None:
        self._runtime, self._directory = runtime, directory
        self._ruling = Ruling(runtime, directory)
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="cards", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """A card may be due; returns at once."""
        self._awake.set()

    def stop(self, *, within_s: float) -> None:
        self._stopping.set()
        self._awake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(LOOK_EVERY_S)
            self._awake.clear()
            try:
                while not self._stopping.is_set() and self._take_turns():
                    pass
            except Exception as error:  # whatever it is, the thread must go on
                log.warning("cards.database_away" if is_away(error) else "cards.failed", reason=type(error).__name__,
                            exc_info=None if is_away(error) else error)  # fmt: skip

    def _take_turns(self) -> int:
        """Cards, then a page of each rule that looks at everybody: neither waits for the other's end."""
        return make_due_cards(self._runtime, self._directory, self._ruling) + self._ruling.step()


def make_due_cards(runtime: Runtime, directory: Directory, ruling: Ruling | None = None) -> int:
    """One batch of each corp that has something due; the number of customers looked at."""
    with runtime.engine.begin() as connection:
        due = tenants_due(connection)
        usable = directory.usable(connection, due)
    ruling = ruling or Ruling(runtime, directory)
    return sum(_make(runtime, usable[one], ruling) for one in due if one in usable)


def _make(runtime: Runtime, tenant: Tenant, ruling: Ruling) -> int:
    with runtime.engine.begin() as connection:
        ids = take_due(connection, tenant.id, limit=BATCH)
        if not ids:
            return 0
        refreshed = _refresh(connection, tenant, ids)
        ruling.follow(connection, tenant, refreshed)
    made.labels("changed").inc(len(refreshed))
    made.labels("same").inc(len(ids) - len(refreshed))
    return len(ids)


def _refresh(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> list[Refreshed]:
    """One customer whose rows cannot be read holds up nobody else; their card stays as it is."""
    try:
        with connection.begin_nested():
            return refresh_cards(connection, tenant, ids)
    except Exception as error:
        if is_away(error):
            raise
        if len(ids) == 1:
            log.error("cards.unmade", tenant_id=tenant.id, customer_id=ids[0], reason=describe(error))
            made.labels("unmade").inc()
            return []
        half = len(ids) // 2
        return [*_refresh(connection, tenant, ids[:half]), *_refresh(connection, tenant, ids[half:])]


def make_all_due(runtime: Runtime, directory: Directory) -> None:
    """Until nothing is due, of cards nor of rules; for commands and tests."""
    ruling = Ruling(runtime, directory)
    while make_due_cards(runtime, directory, ruling) or ruling.step():
        pass
