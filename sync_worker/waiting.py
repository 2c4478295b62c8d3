"""The thread of a worker process that puts waiting tags on, once a customer has a friend who can carry them (TAG-2).

Triggers leave the marks where cards are made anew: every friendship, recognition, pass and merge comes by there. A
process that is killed leaves mark and tag where they were.
"""

from collections.abc import Callable
from functools import partial

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.notices.store import Caused, record_facts_and_notices
from services.waiting.placing import Placed, place_next
from services.waiting.store import take_ready, tenants_ready
from shared.db.engine import describe, is_passing, transact
from shared.directory import Directory
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.looking import Looking, each_alone

BATCH = 200
"""Customers of a transaction: their contacts are locked until it ends."""
LOOK_EVERY_S = 1.0

log = structlog.get_logger()
placed = Counter("guanxi_waiting_tags_placed", "Tags that waited for a friendship and are wanted of it now")


def keep_waiting(runtime: Runtime, *, directory: Directory, ring: Callable[[], None]) -> Looking:
    """The thread. `ring`: somebody is to write to WeCom what is wanted now."""

    def work() -> int:
        looked = place_waiting(runtime, directory)
        if looked:
            ring()
        return looked

    return Looking("waiting", work, every_s=LOOK_EVERY_S)


def place_waiting(runtime: Runtime, directory: Directory) -> int:
    """One batch of each corp that has somebody marked; the number of customers looked at."""
    with runtime.engine.begin() as connection:
        due = tenants_ready(connection)
        usable = directory.usable(connection, due)
    return each_alone(usable.values(), partial(_work, runtime), what="waiting tags", tenant_of=lambda one: one.id)


def _work(runtime: Runtime, tenant: Tenant) -> int:
    try:
        return _place(runtime, tenant, limit=BATCH)
    except Exception as error:
        if is_passing(error):
            raise
    return _place_one(runtime, tenant)


def _place_one(runtime: Runtime, tenant: Tenant) -> int:
    """One mark whose customer cannot be read holds up nobody: it goes, and the sweep brings it again."""
    try:
        return _place(runtime, tenant, limit=1)
    except Exception as error:
        if is_passing(error):
            raise
        left = transact(runtime.engine, lambda connection: take_ready(connection, tenant.id, limit=1))
        log.error("waiting.not_placed", tenant_id=tenant.id, customer_ids=left, reason=describe(error))
        return len(left)


def _place(runtime: Runtime, tenant: Tenant, *, limit: int) -> int:
    def place(connection: Connection) -> Placed:
        now = runtime.clock.now()
        found = place_next(connection, tenant, limit=limit, now=now)
        facts = [Caused(*one) for one in found.facts]
        record_facts_and_notices(connection, tenant, facts, now=now, ttl_s=runtime.settings.message_ttl_s)
        return found

    found = transact(runtime.engine, place)
    placed.inc(found.placed_count)
    return found.looked_count
