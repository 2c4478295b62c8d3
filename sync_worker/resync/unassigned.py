"""Customers of members who left and are not assigned yet: only this list tells of those whose only follower is gone.

Their relations become `associate_left`, which is neither lost nor deleted (LOSS-1), also of contacts nobody knew here.
"""

from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT, Evidence, EvidenceKind, Observed
from services.planning import Cause
from shared.clock import from_unix
from shared.db.engine import transact
from shared.ids import ExternalUserId
from shared.requests import Subject, lock
from shared.sync_blocks import Block, hold_block, save_page
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.transfers import UnassignedCustomer
from sync_worker.reconcilers import contacts
from sync_worker.resync import CircleError, Work
from sync_worker.resync.contact_pages import cause_of


def walk_unassigned(work: Work, block: Block) -> Block | None:
    """Read one page of the list, of the whole corp, and record it; the block that follows."""
    page = work.client().transfers.unassigned(cursor=block.cursor)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    return transact(work.runtime.engine, lambda connection: _record(connection, work, block, page))


def _record(connection: Connection, work: Work, block: Block, page: Page[UnassignedCustomer]) -> Block | None:
    hold_block(connection, work.run, block)
    now = work.runtime.clock.now()
    sightings = sightings_of(page, cause_of(work.run), work.run.caused_by, left_by=work.run.started_at, now=now)
    lock(connection, [Subject(work.tenant.id, CONTACT, one.key) for one in sightings])
    contacts.record(
        connection,
        work.runtime.settings,
        work.tenant,
        sightings,
        now=now,
        decide_customers=work.run.kind != "bootstrap",
    )
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


def sightings_of(
    page: Page[UnassignedCustomer], cause: Cause, caused_by: str | None, *, left_by: datetime, now: datetime
) -> list[contacts.Sighting]:
    """What a page tells of contacts; `left_by`: when a member has left at the latest of whom it does not say when."""
    found: dict[ExternalUserId, list[Evidence]] = {}
    for row in page.rows:
        if row.handover_userid and row.external_userid:
            left_at = from_unix(row.dimission_time) if row.dimission_time else left_by
            left = Evidence(row.handover_userid, EvidenceKind.ASSOCIATE_LEFT, left_at)
            found.setdefault(row.external_userid, []).append(left)
    return [
        contacts.Sighting(Observed(one, None, (), now, complete=False), cause, caused_by, told=tuple(left))
        for one, left in sorted(found.items())
    ]
