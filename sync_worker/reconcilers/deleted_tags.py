"""Deleted tags leave the relations' rows, and wait for nobody: a request of theirs is wanted when tags are deleted.

WeCom takes a deleted tag off its customers without an event for any of them. Nothing is read there: what the catalogue
says is enough. Every page is a commit of its own, and a run that dies is followed by one that starts over.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from services.catalogue.model import DELETED_TAGS
from services.catalogue.store import START, Place, record_taken_off, tags_to_take_off, take_off
from services.waiting.store import drop_tags
from shared.db.engine import transact
from shared.ids import TagId
from shared.requests import Leased, prolong
from shared.runtime import Runtime
from sync_worker.pushing import LeaseGoneError
from sync_worker.reconcilers import Looking, Recorded, Recording, Seen, Shell


def _observe(looking: Looking, leased: Leased) -> None:
    runtime, tenant_id = looking.runtime, looking.tenant.id
    assert runtime is not None
    tag_ids = transact(runtime.engine, lambda connection: tags_to_take_off(connection, tenant_id))
    dropped = bool(tag_ids)
    while dropped:
        dropped = transact(runtime.engine, partial(_drop_waiting, runtime, leased, tag_ids))
    place = START if tag_ids else None
    while place is not None:
        place = transact(runtime.engine, partial(_page, runtime, leased, tag_ids, place))


def _drop_waiting(runtime: Runtime, leased: Leased, tag_ids: Sequence[TagId], connection: Connection) -> bool:
    """The next of those who wait for them do so no more; False: nobody does."""
    _go_on(runtime, leased, connection)
    return drop_tags(connection, leased.subject.tenant_id, tag_ids) > 0


def _page(
    runtime: Runtime, leased: Leased, tag_ids: Sequence[TagId], place: Place, connection: Connection
) -> Place | None:
    now, tenant_id = runtime.clock.now(), leased.subject.tenant_id
    _go_on(runtime, leased, connection)
    after = take_off(connection, tenant_id, tag_ids, after=place, now=now)
    if after is None:
        record_taken_off(connection, tenant_id, tag_ids, now=now)
    return after


def _go_on(runtime: Runtime, leased: Leased, connection: Connection) -> None:
    until = runtime.clock.now() + timedelta(seconds=runtime.settings.lease_s)
    if not prolong(connection, leased, until=until):
        raise LeaseGoneError("another run takes them off")


def _record(_connection: Connection, _recording: Recording, _seen: Sequence[Seen]) -> Recorded:
    """What was to be done is done."""
    return Recorded()


TAKEN_OFF = Shell(DELETED_TAGS, _observe, _record)
