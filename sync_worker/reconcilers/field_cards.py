"""Cards show other custom fields now: those of customers who have values are marked as due, page by page (CUS-5).

Nothing is read from WeCom. A run that dies is followed by one that starts over: a mark too many does no harm.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from services.fields.store import CUSTOM_FIELDS, mark_cards
from shared.db.engine import transact
from shared.ids import CustomerId
from shared.requests import Leased, prolong
from shared.runtime import Runtime
from sync_worker.pushing import LeaseGoneError
from sync_worker.reconcilers import Looking, Recorded, Recording, Seen, Shell


def _observe(looking: Looking, leased: Leased) -> None:
    runtime = looking.runtime
    assert runtime is not None
    place: CustomerId | None = CustomerId(0)
    while place is not None:
        place = transact(runtime.engine, partial(_page, runtime, leased, place))


def _page(runtime: Runtime, leased: Leased, after: CustomerId, connection: Connection) -> CustomerId | None:
    now = runtime.clock.now()
    if not prolong(connection, leased, until=now + timedelta(seconds=runtime.settings.lease_s)):
        raise LeaseGoneError("another run marks them")
    return mark_cards(connection, leased.subject.tenant_id, after=after)


def _record(_connection: Connection, _recording: Recording, _seen: Sequence[Seen]) -> Recorded:
    """What was to be done is done."""
    return Recorded()


MARKED = Shell(CUSTOM_FIELDS, _observe, _record)
