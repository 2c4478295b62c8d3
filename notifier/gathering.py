"""What waits to be told with others, and whether more of it is to come."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from notifier.choose import together
from services.bulk_changes.model import CAUSED_BY
from services.bulk_changes.store import is_any_running
from services.reminders.plan import Gathering
from shared.folding import Key, gathered
from shared.ids import TenantId
from shared.tries import Due

ASSIGNMENT = "assignment"
"""The kind of bulk change that brings about notices which gather."""


def gathering_of(
    connection: Connection, tenant_id: TenantId, held: Sequence[Due], *, now: datetime
) -> Mapping[Key, Gathering]:
    """By key, of the kinds that gather. Where bulk changes gave some of it, more is to come as long as one runs: each
    of fifty that were asked for together may have something for whoever loses customers.
    """
    keys = {key for due in held if due.gathers_until is not None and (key := together(due)) is not None}
    if not keys:
        return {}
    waiting = gathered(connection, tenant_id, sorted(keys, key=str), now=now)
    in_bulk = {key for key, one in waiting.items() if CAUSED_BY.rstrip(":") in one.causes}
    running = bool(in_bulk) and is_any_running(connection, tenant_id, ASSIGNMENT)
    return {key: Gathering(one.first, one.last, running and key in in_bulk) for key, one in waiting.items()}
