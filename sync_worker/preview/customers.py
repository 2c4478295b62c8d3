"""What a full pass over customers would change: the same pages, compared instead of recorded."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from services.associates.store import with_contact
from services.customers.walk import changed_rows, contacts_in_hand
from services.differences import customers as of_customers
from services.differences.model import RELATION, Difference, What
from services.differences.store import count_active_by_associate, lasting_contacts_of
from shared.db.engine import describe
from shared.errors import RetryableError, TerminalError
from shared.ids import ExternalUserId, UserId
from shared.wecom.errors import NO_MEMBER, NO_RELATION, WeComError
from shared.wecom.payloads.contacts import BatchRow
from sync_worker.preview import Step, View
from sync_worker.reconcilers import contact_records
from sync_worker.resync import CircleError
from sync_worker.resync.contact_pages import sightings_of
from sync_worker.resync.contacts import BLOCK_SIZE
from sync_worker.resync.unassigned import sightings_of as sightings_of_unassigned

MOST_OF_A_BLOCK = 50_000
"""Relations whose ids are kept in memory at a time, to see at a block's end which of them it did not show."""

Pair = tuple[UserId, ExternalUserId]


def preview_customers(view: View, scope: Collection[str] | None = None) -> Iterator[Step]:
    """Page by page. `scope`: only these associates."""
    in_sight = sorted(view.ask(view.client().contacts.follow_users))
    with view.reading() as connection:
        known = count_active_by_associate(connection, view.tenant.id)
    walked = [one for one in in_sight if scope is None or one in scope]
    for block in _blocks(walked, known):
        yield from _block(view, block)
    if scope is None:
        yield from _unassigned(view)
    hidden = [one for one in sorted(known) if one not in set(in_sight) and (scope is None or one in scope)]
    yield Step(
        differences=tuple(Difference(RELATION, "", What.OUT_OF_SIGHT, part=one, count=known[one]) for one in hidden)
    )


def _blocks(userids: Sequence[UserId], known: Mapping[UserId, int]) -> Iterator[list[UserId]]:
    block: list[UserId] = []
    size = 0
    for userid in userids:
        if block and (len(block) == BLOCK_SIZE or size + known.get(userid, 0) > MOST_OF_A_BLOCK):
            yield block
            block, size = [], 0
        block.append(userid)
        size += known.get(userid, 0)
    if block:
        yield block


def _block(view: View, userids: Sequence[UserId]) -> Iterator[Step]:
    """A block that cannot be read to its end says nothing of what it did not show."""
    started_at, seen, cursor, cursors = view.now, set[Pair](), "", set[str]()
    while True:
        try:
            read_at = view.now
            page = view.ask(partial(view.client().contacts.batch, tuple(userids), cursor=cursor))
            if page.next_cursor in cursors:
                raise CircleError
        except (RetryableError, TerminalError) as error:
            yield from _unread(view, userids, error)
            return
        seen |= {(row.userid, row.external_userid) for row in page.rows}
        yield Step(len(page.rows), _differences(view, page.rows, read_at=read_at))
        if not page.next_cursor:
            break
        cursor = page.next_cursor
        cursors.add(cursor)
    for userid in userids:
        yield Step(differences=_missing(view, userid, seen, before=started_at))


def _unread(view: View, userids: Sequence[UserId], error: Exception) -> Iterator[Step]:
    refused = isinstance(error, WeComError) and error.code in NO_MEMBER | NO_RELATION
    if refused and len(userids) > 1:
        for one in userids:
            yield from _block(view, [one])
        return
    where = ", ".join(userids[:5]) + (f" and {len(userids) - 5} more" if len(userids) > 5 else "")
    yield Step(unread=((where, describe(error)),))


def _differences(view: View, rows: Sequence[BatchRow], *, read_at: datetime) -> tuple[Difference, ...]:
    rows = list({(row.external_userid, row.userid): row for row in rows}.values())
    with view.reading() as connection:
        pairs = [(row.external_userid, row.userid) for row in rows]
        places = changed_rows(connection, view.tenant, pairs, [row.digest for row in rows])
        changed = [rows[place] for place in places]
        keys = sorted({row.external_userid for row in changed})
        in_hand = contacts_in_hand(connection, view.tenant, keys, since=read_at)
        left = [row for row in changed if row.external_userid not in in_hand]
        read = sightings_of(left, "resync", None, read_at=read_at)
        sightings = contact_records.without_dead_tags(connection, view.tenant, read)
        recorded, plans = contact_records.plan(connection, view.runtime.settings, view.tenant, sightings)
    return tuple(found for key in plans for found in of_customers.outlook(plans[key], recorded[key]).differences)


def _missing(view: View, userid: UserId, seen: Collection[Pair], *, before: datetime) -> tuple[Difference, ...]:
    with view.reading() as connection:
        known = lasting_contacts_of(connection, view.tenant.id, userid, before=before)
    return tuple(Difference(RELATION, one, What.MISSING, part=userid) for one in known if (userid, one) not in seen)


def _unassigned(view: View) -> Iterator[Step]:
    """Customers of members who left: only this list tells of them."""
    cursor, cursors = "", set[str]()
    while True:
        try:
            page = view.ask(partial(view.client().transfers.unassigned, cursor=cursor))
            if page.next_cursor in cursors:
                raise CircleError
        except (RetryableError, TerminalError) as error:
            yield Step(unread=(("customers of members who left", describe(error)),))
            return
        now = view.now
        with view.reading() as connection:
            there = with_contact(connection, view.tenant.id, [one.handover_userid for one in page.rows])
            sightings = sightings_of_unassigned(page, "resync", None, there=there, left_by=now, now=now)
            recorded, plans = contact_records.plan(connection, view.runtime.settings, view.tenant, sightings)
        found = [one for key in plans for one in of_customers.outlook(plans[key], recorded[key]).differences]
        yield Step(len(page.rows), tuple(found))
        if not page.next_cursor:
            return
        cursor = page.next_cursor
        cursors.add(cursor)
