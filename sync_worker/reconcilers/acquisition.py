"""Acquisition links and their quota: nothing is read, what events said of them becomes facts."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.acquisition.model import ACQUISITION_LINK, ACQUISITION_QUOTA
from services.acquisition.plan import plan_fact
from services.acquisition.store import take_untold
from services.notices.store import Caused, record_facts_and_notices
from shared.requests import Leased
from sync_worker.reconcilers import Looking, Recorded, Recording, Seen, Shell


def _observe(_looking: Looking, _leased: Leased) -> None:
    """There is nothing to read."""


def _record(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    """All subjects of a batch are of one kind."""
    tenant, kind = recording.tenant, seen[0].leased.subject.kind
    keys = [one.leased.subject.key for one in seen]
    evidence = take_untold(connection, tenant.id, kind=kind, keys=keys, now=recording.now)
    caused = [Caused(fact, "event", one.caused_by) for one in evidence if (fact := plan_fact(one)) is not None]
    notices = record_facts_and_notices(
        connection, tenant, caused, now=recording.now, ttl_s=recording.settings.message_ttl_s
    )
    return Recorded(notices=notices)


LINKS = Shell(ACQUISITION_LINK, _observe, _record)
QUOTA = Shell(ACQUISITION_QUOTA, _observe, _record)
