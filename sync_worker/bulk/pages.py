"""One page of a bulk job: relations of some associates as WeCom lists them, with what the job wants of them.

The contacts of the page are leased as long as it takes, so nobody else writes to them or records them. Every push is
committed before it is made. A run that dies leaves pushes of which the next read of the page tells the truth.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from services.bulk.model import Job
from services.customers.model import CONTACT
from services.customers.walk import contacts_in_hand, record_digests
from services.intents.model import CAUSES, Intent, Settled
from services.intents.plan import IntentPlan, Push, plan_intents, refused
from services.intents.store import begin_push, load_open_of, record_accepted, record_unsent
from services.tags.store import dead_tags
from shared.claims import borrow
from shared.clock import monotonic
from shared.db.engine import transact
from shared.errors import RetryableError
from shared.ids import ExternalUserId, TagId, UserId
from shared.requests import Leased, Subject, give_back, hold
from shared.sync_blocks import Block, save_page
from shared.wecom.errors import PostponedError, UnreachableError, WeComTerminalError
from shared.wecom.payloads.contacts import BatchPage, BatchRow
from sync_worker.pushing import Written, words_of
from sync_worker.reconcilers import contact_records
from sync_worker.resync import CircleError, Work
from sync_worker.resync.contact_pages import sightings_of
from sync_worker.writeback import write

PUSH, CONFIRM = "push", "confirm"
AT_ONCE = 8
"""Pushes of one page under way; the budgets let no more start than the corp may."""
LATEST_START = 1 / 3
"""Part of the lease after which no push starts any more: what is under way must end within it."""


@dataclass(frozen=True)
class _Open:
    """A contact that is leased here, what the page shows of it, and what its open intents come to."""

    leased: Leased
    sighting: contact_records.Sighting
    intents: Sequence[Intent]
    plan: IntentPlan

    @property
    def key(self) -> ExternalUserId:
        return self.sighting.key


@dataclass
class _Outcome:
    """What became of the pushes of a page. `accepted_at`: when those were that WeCom took."""

    accepted_at: datetime
    accepted: list[int] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    refused: dict[ExternalUserId, list[Settled]] = field(default_factory=dict)
    error: RetryableError | None = None


def push_page(work: Work, job: Job, block: Block) -> Block | None:
    """Write to the relations that a page shows; the block that follows.

    Raises:
        RetryableError: WeCom takes no more now; what it took is noted, and the page is read again.
    """
    read_at = work.runtime.clock.now()
    page = _read(work, block)
    opened = transact(work.runtime.engine, lambda c: _begin(c, work, job, page, read_at=read_at))
    if opened:
        outcome = _push(work, opened)
        transact(work.runtime.engine, lambda c: _note(c, work, opened, outcome))
        if outcome.error is not None:
            raise outcome.error
    return transact(work.runtime.engine, lambda c: _save(c, work, block, page))


def confirm_page(work: Work, job: Job, block: Block) -> Block | None:
    """Settle what a page shows as wanted, and record it; the block that follows."""
    read_at = work.runtime.clock.now()
    page = _read(work, block)

    def confirm(connection: Connection) -> Block | None:
        found = _open(connection, work, job, page, read_at=read_at)
        _record(connection, work, page, {one.key: one.plan.settled for one in found}, found)
        give_back(connection, [one.leased for one in found], looked_at=work.runtime.clock.now())
        return _save(connection, work, block, page)

    return transact(work.runtime.engine, confirm)


def _read(work: Work, block: Block) -> BatchPage:
    page = work.client().contacts.batch(tuple(UserId(one) for one in block.keys), cursor=block.cursor)
    if page.next_cursor and page.next_cursor in (block.cursor, block.anchor):
        raise CircleError
    return page


def _begin(connection: Connection, work: Work, job: Job, page: BatchPage, *, read_at: datetime) -> list[_Open]:
    """Lease the page's contacts, settle what needs no push, note the pushes that are to be made."""
    found = _open(connection, work, job, page, read_at=read_at)
    settled = {one.key: one.plan.settled for one in found if one.plan.settled}
    _record(connection, work, page, settled, [one for one in found if one.key in settled])
    wanted = [intent for one in found for push in one.plan.pushes for intent in push.intents]
    begun = begin_push(connection, work.tenant.id, wanted, now=work.runtime.clock.now())
    found = [replace(one, plan=replace(one.plan, pushes=_still(one.plan.pushes, begun))) for one in found]
    done = [one.leased for one in found if not one.plan.pushes]
    give_back(connection, done, looked_at=work.runtime.clock.now())
    return [one for one in found if one.plan.pushes]


def _still(pushes: Iterable[Push], begun: set[int]) -> tuple[Push, ...]:
    left = (replace(one, intents=tuple(i for i in one.intents if i.id in begun)) for one in pushes)
    return tuple(one for one in left if one.intents)


def _open(connection: Connection, work: Work, job: Job, page: BatchPage, *, read_at: datetime) -> list[_Open]:
    """The page's contacts of which the job has something open, leased; none that somebody else looks after."""
    sightings = {one.key: one for one in sightings_of(page.rows, CAUSES[job.source], job.caused_by, read_at=read_at)}
    due = load_open_of(connection, work.tenant, CONTACT, sorted(sightings), job_id=job.id)
    if not due:
        return []
    subjects = [Subject(work.tenant.id, CONTACT, one) for one in sorted(due)]
    now, settings = work.runtime.clock.now(), work.runtime.settings
    leased = borrow(connection, subjects, cause=CAUSES[job.source], now=now, lease_s=settings.lease_s)
    keys = [_key(one) for one in leased]
    in_hand = contacts_in_hand(connection, work.tenant, keys, since=read_at, but_mine=True)
    give_back(connection, [one for one in leased if _key(one) in in_hand])
    mine = {_key(one): one for one in leased if _key(one) not in in_hand}
    intents = load_open_of(connection, work.tenant, CONTACT, sorted(mine), job_id=job.id)
    lag = timedelta(seconds=settings.write_lag_s)
    dead = dead_tags(connection, work.tenant.id, [TagId(one) for one in (*job.add_tags, *job.remove_tags)])
    return [_planned(mine[key], sightings[key], intents.get(key, ()), lag=lag, dead=dead) for key in sorted(mine)]


def _key(leased: Leased) -> ExternalUserId:
    return ExternalUserId(leased.subject.key)


def _planned(
    leased: Leased,
    sighting: contact_records.Sighting,
    intents: Sequence[Intent],
    *,
    lag: timedelta,
    dead: Collection[str],
) -> _Open:
    """A page never says that it shows all of a contact: what it does not show is decided elsewhere."""
    shown = {one.userid for one in sighting.observed.relations}
    mine = [one for one in intents if one.userid in shown]
    return _Open(leased, sighting, mine, plan_intents(mine, sighting.observed, lag=lag, dead=dead))


def _push(work: Work, opened: Sequence[_Open]) -> _Outcome:
    outcome = _Outcome(work.runtime.clock.now())
    until = monotonic() + work.runtime.settings.lease_s * LATEST_START
    calls = [(one.key, push) for one in opened for push in one.plan.pushes]
    with ThreadPoolExecutor(min(AT_ONCE, len(calls)), thread_name_prefix="bulk") as pool:
        list(pool.map(partial(_call, work, outcome, until), calls))
    return outcome


def _call(work: Work, outcome: _Outcome, until: float, call: tuple[ExternalUserId, Push]) -> None:
    """One push; its outcome joins those of the page (list appends are atomic)."""
    key, push = call
    ids = [one.id for one in push.intents]
    if outcome.error is not None or monotonic() > until:
        outcome.unsent += ids
        return
    try:
        write(work.client(), key, push)
        outcome.accepted += ids
    except WeComTerminalError as error:
        if len(push.intents) == 1:
            outcome.refused.setdefault(key, []).extend(refused(push.intents, code=error.code, why=words_of(error)))
        else:  # which of them, the contact's own look will tell
            outcome.unsent += ids
    except RetryableError as error:
        if not (isinstance(error, UnreachableError) and error.maybe_accepted):
            outcome.unsent += ids
        if isinstance(error, PostponedError | UnreachableError):
            outcome.error = error


def _note(connection: Connection, work: Work, opened: Sequence[_Open], outcome: _Outcome) -> None:
    """Note what WeCom said, and end the leases."""
    held = {_key(one) for one in hold(connection, [one.leased for one in opened])}
    mine = {intent.id for one in opened if one.key in held for intent in one.intents}
    accepted = [one for one in outcome.accepted if one in mine]
    record_accepted(connection, work.tenant.id, accepted, at=outcome.accepted_at)
    record_unsent(connection, work.tenant.id, outcome.unsent)
    refused = [one for one in opened if one.key in held and one.key in outcome.refused]
    _settle(connection, work, [(one.sighting, outcome.refused[one.key], ()) for one in refused])
    give_back(connection, [one.leased for one in opened], looked_at=work.runtime.clock.now())


def _record(
    connection: Connection,
    work: Work,
    page: BatchPage,
    settled: Mapping[ExternalUserId, Sequence[Settled]],
    found: Sequence[_Open],
) -> None:
    """Record the page's view of these contacts, with what has become of their intents."""
    if not found:
        return
    ours = {one.key: tuple(intent for intent in one.intents if intent.pushes) for one in found}
    again = _settle(connection, work, [(one.sighting, settled[one.key], ours[one.key]) for one in found])
    rows: list[BatchRow] = [
        row for row in page.rows if row.external_userid in ours and row.external_userid not in again
    ]
    record_digests(connection, work.tenant, [(row.external_userid, row.userid, row.digest) for row in rows])


def _settle(
    connection: Connection,
    work: Work,
    ended: Sequence[tuple[contact_records.Sighting, Sequence[Settled], Sequence[Intent]]],
) -> set[ExternalUserId]:
    """Those that the page does not show as they are recorded now: the next walk looks at them."""
    if not ended:
        return set()
    done = contact_records.record(
        connection,
        work.runtime.settings,
        work.tenant,
        [replace(one, written=Written(tuple(settled), tuple(ours))) for one, settled, ours in ended],
        now=work.runtime.clock.now(),
    )
    return {key for key, result in done.results.items() if result.look_again_at is not None or not result.verbatim}


def _save(connection: Connection, work: Work, block: Block, page: BatchPage) -> Block | None:
    after = save_page(
        connection,
        work.run,
        block,
        cursor=page.next_cursor,
        done=not page.next_cursor,
        rows=len(page.rows),
        now=work.runtime.clock.now(),
        lease_s=work.runtime.settings.lease_s,
    )
    return after if page.next_cursor else None
