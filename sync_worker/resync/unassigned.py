"""Customers of members who left and are not assigned yet: only this list tells of those whose only follower is gone.

Their relations become `associate_left`, which is neither lost nor deleted (LOSS-1), also of contacts nobody knew here.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from services.associates.store import with_contact
from services.customers.model import CONTACT, Evidence, EvidenceKind, Observed
from services.planning import Cause
from shared.clock import from_unix
from shared.db.engine import describe, transact
from shared.ids import ExternalUserId, UserId
from shared.requests import BACKFILL, Subject, Wanted, lock, want
from shared.sync_blocks import Block, hold_block, save_page
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.transfers import UnassignedCustomer
from sync_worker.reconcilers import contact_records
from sync_worker.resync import CircleError, Work
from sync_worker.resync.contact_pages import cause_of
from sync_worker.resync.one_by_one import is_of_a_row, record_one_by_one

OLDEST = 1_000_000_000
"""Unix seconds; WeCom is younger."""

log = structlog.get_logger()


def walk_unassigned(work: Work, block: Block) -> Block | None:
    """Read one page of the list, of the whole corp, and record it; the block that follows."""
    page = work.client().transfers.unassigned(cursor=block.cursor)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    try:
        return transact(work.runtime.engine, lambda connection: _record(connection, work, block, page))
    except Exception as error:
        if not is_of_a_row(error):
            raise
        log.warning("resync.page_refused", tenant_id=work.tenant.id, rows=len(page.rows), reason=describe(error))
        return transact(work.runtime.engine, lambda connection: _record(connection, work, block, page, spoilt=True))


def _record(
    connection: Connection, work: Work, block: Block, page: Page[UnassignedCustomer], *, spoilt: bool = False
) -> Block | None:
    """`spoilt`: one of its rows cannot be recorded; that contact is left to a read of its own."""
    hold_block(connection, work.run, block)
    now = work.runtime.clock.now()
    there = with_contact(connection, work.tenant.id, [one.handover_userid for one in page.rows])
    cause, caused_by = cause_of(work.run), work.run.caused_by
    sightings = sightings_of(page, cause, caused_by, there=there, left_by=work.run.started_at, now=now)
    lock(connection, [Subject(work.tenant.id, CONTACT, one.key) for one in sightings])
    if spoilt:
        failed = record_one_by_one(connection, sightings, lambda one: _record_sightings(connection, work, [one]))
        wishes = [Wanted(Subject(work.tenant.id, CONTACT, one.key), BACKFILL, cause, caused_by) for one, _ in failed]
        want(connection, wishes, now=now)
    else:
        _record_sightings(connection, work, sightings)
    after = save_page(
        connection,
        work.run,
        block,
        cursor=page.next_cursor,
        done=not page.next_cursor,
        rows=len(page.rows),
        now=now,
        lease_s=work.runtime.settings.lease_s,
    )
    return after if page.next_cursor else None


def _record_sightings(connection: Connection, work: Work, sightings: Sequence[contact_records.Sighting]) -> None:
    contact_records.record(
        connection,
        work.runtime.settings,
        work.tenant,
        sightings,
        now=work.runtime.clock.now(),
        decide_customers=work.run.kind != "bootstrap",
    )


def sightings_of(
    page: Page[UnassignedCustomer],
    cause: Cause,
    caused_by: str | None,
    *,
    there: Collection[UserId],
    left_by: datetime,
    now: datetime,
) -> list[contact_records.Sighting]:
    """What a page tells of contacts.

    `there`: members who have the customer-contact function and so have not left; the walk shows their customers.
    `left_by`: when a member has left at the latest of whom the list does not say when, or says an impossible time.
    """
    found: dict[ExternalUserId, list[Evidence]] = {}
    for row in page.rows:
        if row.handover_userid and row.external_userid and row.handover_userid not in there:
            at = row.dimission_time
            left_at = from_unix(at) if at is not None and OLDEST <= at <= now.timestamp() else left_by
            left = Evidence(row.handover_userid, EvidenceKind.ASSOCIATE_LEFT, left_at)
            found.setdefault(row.external_userid, []).append(left)
    return [
        contact_records.Sighting(Observed(one, None, (), now, complete=False), cause, caused_by, told=tuple(left))
        for one, left in sorted(found.items())
    ]
