"""One page of a walk over customers: what is as the last walk showed it costs one look into the database.

What differs goes to the planner. In a first sync, what no event has told of is written all at once, and who a customer
is assigned to is decided at its end. A contact that a request looks after is left to it: it knows better.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from services.customers.absence import note_missing, note_shown
from services.customers.model import CONTACT, Observed
from services.customers.plan import plan_first_sight
from services.customers.walk import (
    FirstSight,
    changed_rows,
    contacts_in_hand,
    contacts_without_events,
    record_digests,
    record_first_sights,
)
from services.planning import Cause
from shared.db.engine import describe, transact
from shared.ids import ExternalUserId, UserId
from shared.requests import BACKFILL, Subject, Wanted, lock, want
from shared.sync_blocks import Block, add_seen, forget_seen, save_page
from shared.sync_runs import Run
from shared.wecom.payloads.contacts import BatchPage, BatchRow
from sync_worker.reconcilers import contact_records, contacts
from sync_worker.resync import CircleError, Work
from sync_worker.resync.one_by_one import is_of_a_row, record_one_by_one

log = structlog.get_logger()


def cause_of(run: Run) -> Cause:
    return "bootstrap" if run.kind == "bootstrap" else "resync"


def walk_page(work: Work, block: Block) -> Block | None:
    """Read one page of the relations of the block's associates and record what it shows; the block that follows."""
    read_at = work.runtime.clock.now()
    page = work.client().contacts.batch(tuple(UserId(one) for one in block.keys), cursor=block.cursor)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    try:
        return transact(work.runtime.engine, lambda c: _record(c, work, block, page, read_at=read_at))
    except Exception as error:
        if not is_of_a_row(error):
            raise
        log.warning("resync.page_refused", tenant_id=work.tenant.id, rows=len(page.rows), reason=describe(error))
        return transact(work.runtime.engine, lambda c: _record(c, work, block, page, read_at=read_at, spoilt=True))


def _record(
    connection: Connection, work: Work, block: Block, page: BatchPage, *, read_at: datetime, spoilt: bool = False
) -> Block | None:
    """`spoilt`: one of its rows cannot be recorded; that contact is read by itself, and buried if need be."""
    rows = list({(row.external_userid, row.userid): row for row in page.rows}.values())
    pairs = [(row.external_userid, row.userid) for row in rows]
    changed = [rows[n] for n in changed_rows(connection, work.tenant, pairs, [row.digest for row in rows])]
    if changed and spoilt:
        contacts_of_page = _by_contact(changed)
        _lock(connection, work, changed)  # all at once and in one order: nobody waits for us who holds a part
        failed = record_one_by_one(
            connection, contacts_of_page, lambda part: _record_changed(connection, work, part, read_at=read_at)
        )
        _want(connection, work, {part[0].external_userid for part, _ in failed})
    elif changed:
        _record_changed(connection, work, changed, read_at=read_at)
    if work.run.kind != "bootstrap":
        note_shown(connection, work.tenant.id, pairs, at=read_at)
    return _save(connection, work, block, page, rows)


def _lock(connection: Connection, work: Work, rows: Sequence[BatchRow]) -> None:
    lock(connection, {Subject(work.tenant.id, CONTACT, row.external_userid) for row in rows})


def _by_contact(rows: Sequence[BatchRow]) -> list[list[BatchRow]]:
    found: dict[ExternalUserId, list[BatchRow]] = {}
    for row in sorted(rows, key=lambda one: one.external_userid):
        found.setdefault(row.external_userid, []).append(row)
    return list(found.values())


def _save(connection: Connection, work: Work, block: Block, page: BatchPage, rows: Sequence[BatchRow]) -> Block | None:
    if work.run.kind != "bootstrap":
        add_seen(connection, work.run, block, [row.userid for row in rows], [row.external_userid for row in rows])
    after = save_page(
        connection,
        work.run,
        block,
        cursor=page.next_cursor,
        done=not page.next_cursor,
        rows=len(rows),
        now=work.runtime.clock.now(),
        lease_s=work.runtime.settings.lease_s,
    )
    if page.next_cursor:
        return after
    if work.run.kind != "bootstrap":
        userids = [UserId(one) for one in block.keys]
        note_missing(
            connection, work.tenant.id, work.run.id, block=block.number, userids=userids, before=block.started_at
        )
        forget_seen(connection, work.run, block)
    return None


def _record_changed(connection: Connection, work: Work, rows: list[BatchRow], *, read_at: datetime) -> None:
    _lock(connection, work, rows)
    keys = sorted({row.external_userid for row in rows})
    in_hand = contacts_in_hand(connection, work.tenant, keys, since=read_at)
    rows = [row for row in rows if row.external_userid not in in_hand]
    if work.run.kind == "bootstrap":
        written = _record_new(connection, work, rows, read_at=read_at)
        rows = [row for row in rows if (row.external_userid, row.userid) not in written]
    if rows:
        _record_known(connection, work, rows, read_at=read_at)


def _record_new(
    connection: Connection, work: Work, rows: Sequence[BatchRow], *, read_at: datetime
) -> set[tuple[ExternalUserId, UserId]]:
    """Write the relations of which no event has told and which are not here yet; which ones."""
    untold = contacts_without_events(connection, work.tenant, sorted({row.external_userid for row in rows}))
    sights = [_first_sight(work, row, read_at=read_at) for row in rows if row.external_userid in untold]
    simple = [sight for sight in sights if sight is not None]
    if not simple:
        return set()
    return record_first_sights(
        connection,
        work.tenant,
        simple,
        cause=cause_of(work.run),
        caused_by=work.run.caused_by,
        observed_at=read_at,
        now=work.runtime.clock.now(),
    )


def _first_sight(work: Work, row: BatchRow, *, read_at: datetime) -> FirstSight | None:
    """None for what began after the corp was added: its event may be on its way, so the planner must decide."""
    relation = contacts.observed_relation(row.relation, row.profile.type)
    if relation.created_at is None or relation.created_at >= work.tenant.added_at:
        return None
    profile = contacts.observed_profile(row.profile)
    read = Observed(row.external_userid, profile, (relation,), read_at, complete=False)
    planned = plan_first_sight(read, relation)
    return planned and FirstSight(row.external_userid, profile, *planned, row.digest)


def _record_known(connection: Connection, work: Work, rows: Sequence[BatchRow], *, read_at: datetime) -> None:
    now = work.runtime.clock.now()
    done = contact_records.record(
        connection,
        work.runtime.settings,
        work.tenant,
        sightings_of(rows, cause_of(work.run), work.run.caused_by, read_at=read_at),
        now=now,
        decide_customers=work.run.kind != "bootstrap",
    )
    again = {key for key, result in done.results.items() if result.look_again_at is not None}
    whole = {key for key, result in done.results.items() if result.verbatim and key not in again}
    digests = [(row.external_userid, row.userid, row.digest) for row in rows if row.external_userid in whole]
    record_digests(connection, work.tenant, digests)
    _want(connection, work, again)


def sightings_of(
    rows: Sequence[BatchRow], cause: Cause, caused_by: str | None, *, read_at: datetime
) -> list[contact_records.Sighting]:
    """One sighting per contact; a page lists a contact once per associate, and never says that it is all of them."""
    found: dict[ExternalUserId, contact_records.Sighting] = {}
    for row in rows:
        before = found.get(row.external_userid)
        relation = contacts.observed_relation(row.relation, row.profile.type)
        relations = (*(before.observed.relations if before else ()), relation)
        profile = contacts.observed_profile(row.profile)
        observed = Observed(row.external_userid, profile, relations, read_at, complete=False)
        found[row.external_userid] = contact_records.Sighting(observed, cause, caused_by)
    return [found[one] for one in sorted(found)]


def _want(connection: Connection, work: Work, external_userids: set[ExternalUserId]) -> None:
    wishes = [
        Wanted(Subject(work.tenant.id, CONTACT, one), BACKFILL, cause_of(work.run), work.run.caused_by)
        for one in external_userids
    ]
    want(connection, wishes, now=work.runtime.clock.now())
