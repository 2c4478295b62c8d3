"""What a pass over customers concludes from what it did not see: read again, judged, guarded, then applied.

A relation ends here only when the walk of its associate's block came to its end without it, a read of its own did not
show it either, and its associate was in sight after that read. Out of sight is no end. Too many at once wait for a
person (shared/plans.py); a departure, which has evidence of its own, does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

import structlog
from sqlalchemy import Connection

from services.associates.model import ASSOCIATE
from services.associates.store import departed
from services.customers.absence import (
    GUARDED,
    Removal,
    approved_removals,
    count_active,
    count_verdicts,
    judge,
    mark_applied,
    missed_by_walk,
    move_to_plan,
    next_removals,
    note_not_in_sight,
    note_shown,
    overtaken,
    record_confirmations,
    suspected_associates,
)
from services.customers.model import CONTACT, Absence, Evidence, EvidenceKind, Observed
from services.customers.walk import contacts_in_hand
from services.planning import refuse_if_unsafe
from shared.clock import monotonic
from shared.db.engine import describe, transact
from shared.ids import ExternalUserId, UserId
from shared.plans import close_plan, open_plan, plan_of, seal, withdraw
from shared.requests import BACKFILL, Subject, Wanted, lock, want
from shared.sync_blocks import Block, hold_block, save_page
from shared.sync_runs import add_incomplete, add_notes, hold_run, set_phase
from sync_worker.reconcilers import contact_records, contacts
from sync_worker.resync import Work
from sync_worker.resync.one_by_one import is_of_a_row, record_one_by_one

RESOURCE = "external_contact"
CONFIRM_AT_ONCE = 3
APPLY_AT_ONCE = 500
LONGEST_S = 5.0
MOST_NAMED = 20
"""Associates whose walk was short are named in the report, so many at most."""

Apply = Callable[[Connection, Work, Sequence[Removal]], int]
"""Records removals; the number of those that were left out."""

log = structlog.get_logger()


def confirm_page(work: Work, block: Block) -> Block | None:
    """Read the next contacts of the block by themselves: what they show is recorded, what they do not is noted."""
    done = int(block.cursor or 0)
    keys = [ExternalUserId(one) for one in block.keys[done : done + CONFIRM_AT_ONCE]]
    at = work.runtime.clock.now()
    read = [contacts.read_contact(work.client(), one, now=at) for one in keys]
    last = done + len(keys) >= len(block.keys)

    def write(connection: Connection) -> Block:
        hold_block(connection, work.run, block)
        # What such a read lacks is not concluded from it alone: that is what this pass judges at its end.
        sightings = [
            contact_records.Sighting(replace(one, complete=False), "resync", work.run.caused_by)
            for one in _not_in_hand(connection, work, read, since=at)
        ]
        now = work.runtime.clock.now()
        contact_records.record(connection, work.runtime.settings, work.tenant, sightings, now=now)
        shown = {one.external_userid: [relation.userid for relation in one.relations] for one in read}
        record_confirmations(connection, work.tenant.id, work.run.id, shown, at=at)
        pairs = [(contact, userid) for contact, userids in shown.items() for userid in userids]
        note_shown(connection, work.tenant.id, pairs, at=at)
        return save_page(
            connection,
            work.run,
            block,
            cursor=str(done + len(keys)),
            done=last,
            rows=len(keys),
            now=now,
            lease_s=work.runtime.settings.lease_s,
        )

    after = transact(work.runtime.engine, write)
    return None if last else after


def _not_in_hand(connection: Connection, work: Work, read: Sequence[Observed], *, since: datetime) -> list[Observed]:
    """Those that no request looks after, or has looked at since."""
    keys = [one.external_userid for one in read]
    lock(connection, [Subject(work.tenant.id, CONTACT, key) for key in keys])
    in_hand = contacts_in_hand(connection, work.tenant, keys, since=since)
    return [one for one in read if one.external_userid not in in_hand]


def suspect_those_out_of_sight(work: Work, in_sight: Sequence[UserId]) -> None:
    """Suspect the relations of associates whom the app does not see (any more), and have the associates looked at."""
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        userids = note_not_in_sight(connection, work.tenant.id, work.run.id, in_sight=in_sight, scope=work.run.scope)
        if work.run.kind != "departure":
            wishes = [
                Wanted(Subject(work.tenant.id, ASSOCIATE, one), BACKFILL, "resync", f"sight:{work.run.id}")
                for one in userids
            ]
            want(connection, wishes, now=work.runtime.clock.now())


def judge_suspects(work: Work, *, next_phase: str) -> None:
    """Give verdicts by who is in sight now, after the last read; too many removals become a plan that waits."""
    in_sight = work.client().contacts.follow_users()
    now, tenant_id, run_id = work.runtime.clock.now(), work.tenant.id, work.run.id
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        left = departed(connection, tenant_id, suspected_associates(connection, tenant_id, run_id))
        judge(connection, tenant_id, run_id, in_sight=in_sight, departed=left, now=now)
        counts = count_verdicts(connection, tenant_id, run_id)
        places: list[tuple[str, str]] = [
            (userid, f"the walk did not show {n} of their customers; each was read by itself and is still there")
            for userid, n in missed_by_walk(connection, tenant_id, run_id, limit=MOST_NAMED)
        ]
        add_incomplete(connection, work.run, places)
        reason = _unsafe(connection, work, counts)
        if reason is None:
            # What an earlier pass missed is there again, or little enough by now.
            withdraw(connection, work.run, resource=RESOURCE, now=now)
        else:
            add_incomplete(connection, work.run, [("removals", _refuse(connection, work, reason, now=now))])
        names = {verdict or "unread": n for verdict, n in counts.items()}
        set_phase(connection, work.run, next_phase)
        add_notes(connection, work.run, **names)


def _unsafe(connection: Connection, work: Work, counts: dict[str, int]) -> str | None:
    settings = work.runtime.settings
    removals = sum(counts.get(verdict, 0) for verdict in GUARDED)
    if not removals:
        return None
    return refuse_if_unsafe(
        removals=removals,
        known=count_active(connection, work.tenant.id),
        share=settings.guard_share,
        floor=settings.guard_floor,
    )


def _refuse(connection: Connection, work: Work, reason: str, *, now: datetime) -> str:
    plan_id = open_plan(connection, work.run, resource=RESOURCE, reason=reason, now=now)
    move_to_plan(connection, work.tenant.id, work.run.id, plan_id)
    checksum = seal(connection, work.run, plan_id, resource=RESOURCE, now=now)
    log.warning("resync.removals_refused", tenant_id=work.tenant.id, run_id=work.run.id, checksum=checksum)
    return f"{reason}; nothing was removed, plan {checksum} waits for approval"


def apply_some(work: Work) -> bool:
    """Apply verdicts of the run, for some seconds; True when none is left."""
    started = monotonic()
    while monotonic() - started < LONGEST_S:
        if _apply_batch(work):
            return True
    return False


def _apply_batch(work: Work) -> bool:

    def write(connection: Connection, apply: Apply) -> bool:
        hold_run(connection, work.run)
        removals = next_removals(connection, work.tenant.id, work.run.id, limit=APPLY_AT_ONCE)
        apply(connection, work, removals)
        mark_applied(connection, work.tenant.id, work.run.id, removals, now=work.runtime.clock.now())
        return len(removals) < APPLY_AT_ONCE

    return _with_either(work, write)


def _with_either(work: Work, write: Callable[[Connection, Apply], bool]) -> bool:
    """All at once; when one row spoils that, contact by contact."""
    try:
        return transact(work.runtime.engine, lambda connection: write(connection, _apply))
    except Exception as error:
        if not is_of_a_row(error):
            raise
        log.warning("resync.removals_spoilt", tenant_id=work.tenant.id, run_id=work.run.id, reason=describe(error))
    return transact(work.runtime.engine, lambda connection: write(connection, _apply_one_by_one))


def apply_approved(work: Work) -> bool:
    """Apply the next operations of the approved plan, exactly those; True when none is left."""
    plan_id = plan_of(work.run)

    def write(connection: Connection, apply: Apply) -> bool:
        hold_run(connection, work.run)
        done, _, skipped = work.run.cursor.partition("/")
        after, removals = approved_removals(
            connection, work.tenant.id, plan_id, after=int(done or -1), limit=APPLY_AT_ONCE
        )
        passed_over = int(skipped or 0) + apply(connection, work, removals)
        if removals:
            set_phase(connection, work.run, work.run.phase, cursor=f"{after}/{passed_over}")
            return False
        close_plan(connection, work.tenant.id, plan_id, skipped=passed_over, now=work.runtime.clock.now())
        return True

    return _with_either(work, write)


def _apply_one_by_one(connection: Connection, work: Work, removals: Sequence[Removal]) -> int:
    """As `_apply`, but leaves out what cannot be recorded, and says so in the report."""
    _lock(connection, work, removals)  # all at once and in one order: nobody waits for us who holds a part
    parts = [list(part) for _, part in groupby(removals, key=lambda one: one.external_userid)]
    past: list[int] = []
    failed = record_one_by_one(connection, parts, lambda part: past.append(_apply(connection, work, part)))
    places = [(part[0].external_userid, f"could not be recorded: {describe(error)}") for part, error in failed]
    add_incomplete(connection, work.run, places[:MOST_NAMED])
    return sum(past) + sum(len(part) for part, _ in failed)


def _apply(connection: Connection, work: Work, removals: Sequence[Removal]) -> int:
    """Record removals that nothing has overtaken; the number of those that something has."""
    _lock(connection, work, removals)
    past = overtaken(connection, work.tenant.id, removals)
    sightings: dict[ExternalUserId, contact_records.Sighting] = {}
    for one in removals:
        if (one.external_userid, one.userid) not in past:
            before = sightings.get(one.external_userid)
            sightings[one.external_userid] = _with(before or _unseen(work, one), one)
    now = work.runtime.clock.now()
    written = contact_records.record(connection, work.runtime.settings, work.tenant, list(sightings.values()), now=now)
    # A friendship so young that reads may not show it yet is no end: its contact is looked at again.
    wishes = [
        Wanted(Subject(work.tenant.id, CONTACT, key), BACKFILL, "resync", work.run.caused_by)
        for key, result in written.results.items()
        if result.look_again_at is not None
    ]
    want(connection, wishes, now=now)
    return len(past)


def _lock(connection: Connection, work: Work, removals: Sequence[Removal]) -> None:
    lock(connection, {Subject(work.tenant.id, CONTACT, one.external_userid) for one in removals})


def _unseen(work: Work, removal: Removal) -> contact_records.Sighting:
    read = Observed(removal.external_userid, None, (), removal.at, complete=False)
    return contact_records.Sighting(read, "resync", work.run.caused_by, absences={})


def _with(sighting: contact_records.Sighting, removal: Removal) -> contact_records.Sighting:
    if removal.verdict == "associate_left":
        left = Evidence(removal.userid, EvidenceKind.ASSOCIATE_LEFT, removal.ended_at or removal.at)
        return replace(sighting, told=(*sighting.told, left))
    absence = Absence.ENDED if removal.verdict == "ended" else Absence.OUT_OF_SIGHT
    return replace(sighting, absences={**(sighting.absences or {}), removal.userid: absence})
