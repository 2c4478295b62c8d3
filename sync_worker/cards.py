"""The thread of a worker process that makes cards anew: whatever a customer's card shows has changed.

Marks are taken in the transaction that makes the cards, so that a process that is killed loses none. One process at a
time works on a corp; what changes meanwhile leaves a mark of its own.
"""

from collections.abc import Sequence
from functools import partial

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
from sync_worker.looking import Looking, each_alone
from sync_worker.ruling import Ruling

BATCH = 1000
"""Marks of a transaction: some tens of milliseconds, a few megabytes."""
LOOK_EVERY_S = 1.0
"""Marks ring nothing, so somebody looks; that costs one lookup per corp."""

log = structlog.get_logger()
made = Counter("guanxi_cards_made", "Cards that were made anew, by outcome", ["outcome"])


def keep_cards(runtime: Runtime, *, directory: Directory) -> Looking:
    """The thread. Cards, then a page of each rule that looks at everybody: neither waits for the other's end."""
    ruling = Ruling(runtime, directory)
    return Looking("cards", lambda: make_due_cards(runtime, directory, ruling) + ruling.step(), every_s=LOOK_EVERY_S)


def make_due_cards(runtime: Runtime, directory: Directory, ruling: Ruling | None = None) -> int:
    """One batch of each corp that has something due; the number of customers looked at."""
    with runtime.engine.begin() as connection:
        due = tenants_due(connection)
        usable = directory.usable(connection, due)
    ruling = ruling or Ruling(runtime, directory)
    return each_alone(usable.values(), partial(_make, runtime, ruling), what="cards", tenant_of=lambda one: one.id)


def _make(runtime: Runtime, ruling: Ruling, tenant: Tenant) -> int:
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
