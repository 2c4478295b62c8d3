"""Deleted local tags leave customers' rows: their request is wanted when one is deleted (TAG-3).

Nothing is read from WeCom. Every page is a commit of its own; a run that dies is followed by one that finds the rest.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from services.local_tags.leaving import next_deleted, take_off
from services.local_tags.store import DELETED_LOCAL_TAGS
from shared.db.engine import transact
from shared.requests import Leased, prolong
from shared.runtime import Runtime
from sync_worker.pushing import LeaseGoneError
from sync_worker.reconcilers import Looking, Recorded, Recording, Seen, Shell


def _observe(looking: Looking, leased: Leased) -> None:
    runtime = looking.runtime
    assert runtime is not None
    while transact(runtime.engine, partial(_page, runtime, leased)):
        pass


def _page(runtime: Runtime, leased: Leased, connection: Connection) -> bool:
    """Whether there was something left to take off."""
    now, tenant_id = runtime.clock.now(), leased.subject.tenant_id
    if not prolong(connection, leased, until=now + timedelta(seconds=runtime.settings.lease_s)):
        raise LeaseGoneError("another run takes them off")
    tag_id = next_deleted(connection, tenant_id)
    return tag_id is not None and take_off(connection, tenant_id, tag_id, now=now) > 0


def _record(_connection: Connection, _recording: Recording, _seen: Sequence[Seen]) -> Recorded:
    """What was to be done is done."""
    return Recorded()


TAKEN_OFF = Shell(DELETED_LOCAL_TAGS, _observe, _record)
