"""The thread of a worker process that acts upon presses of cards' buttons: each press is one commit.

Routing has written them down. A process that is killed leaves a press as it was, or done; two at once take different
ones. Our own mistake costs a press some tries, and no other press anything.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from services.message_cards.presses import DuePress, note_failure, take_press, tenants_with_presses
from services.message_cards.pressing import act_upon
from shared.db.engine import describe, is_passing, transact
from shared.directory import Directory
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.looking import Looking, each_alone

EVERY_S = 1.0
MOST_IN_A_TURN = 50
"""Presses of one corp before the next has its turn."""

log = structlog.get_logger()


def keep_presses(runtime: Runtime, *, directory: Directory, notify: Callable[[], None]) -> Looking:
    def look() -> int:
        acted = act_upon_presses(runtime, directory)
        if acted:
            notify()
        return acted

    return Looking("presses", look, every_s=EVERY_S)


def act_upon_presses(runtime: Runtime, directory: Directory) -> int:
    """Some of what is due, of each corp; how many presses were acted upon, or ignored."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        tenants = directory.usable(connection, tenants_with_presses(connection, now=now))

    def work(tenant_id: TenantId) -> int:
        done = 0
        while done < MOST_IN_A_TURN and _act_upon_one(runtime, tenants[tenant_id], now=now):
            done += 1
        return done

    return each_alone(tenants, work, what="presses", tenant_of=lambda one: one)


def _act_upon_one(runtime: Runtime, tenant: Tenant, *, now: datetime) -> bool:
    """Whether there was one."""
    taken: list[DuePress] = []
    try:
        return transact(
            runtime.engine, partial(_act, tenant=tenant, taken=taken, now=now, ttl_s=runtime.settings.message_ttl_s)
        )
    except Exception as error:
        if is_passing(error) or not taken:
            raise
        log.error("card.press_failed", tenant_id=tenant.id, press_id=taken[-1].id, reason=describe(error))
        with runtime.engine.begin() as connection:
            note_failure(connection, tenant.id, taken[-1].id, now=now)
        return True


def _act(connection: Connection, *, tenant: Tenant, taken: list[DuePress], now: datetime, ttl_s: float) -> bool:
    due = take_press(connection, tenant, now=now)
    if due is None:
        return False
    taken.append(due)
    act_upon(connection, tenant, due, now=now, ttl_s=ttl_s)
    return True
