"""What the pass over the directory concludes from what it did not show: read again one by one, guarded, then applied.

Somebody has left when contact sync does not list them and no secret finds them, or when an event or their status said
so; else they are out of sight. Too many at once wait for a person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection

from services.associates.absence import (
    ASSOCIATE_LEFT,
    Missing,
    all_removals,
    count_known,
    listed_among,
    mark_applied,
    next_removals,
    next_unconfirmed,
    record_verdicts,
)
from services.associates.model import LEFT, Absence, AssociateLeft, ObservedAssociate, ObservedOutlet, OutletRemoved
from services.associates.outlets import OutletPlan
from services.associates.plan import AssociatePlan
from services.associates.record import Provenance
from services.associates.store import DIRECTORY as RESOURCE
from services.associates.store import associates_in_hand, lock_directory
from services.planning import refuse_if_unsafe
from shared.db.engine import transact
from shared.ids import UserId
from shared.plans import Operation, close_plan, operations_of, plan_of, refuse, withdraw
from shared.sync_runs import add_incomplete, add_notes, hold_run, set_phase
from shared.tenants import load_agent_ids
from shared.wecom.clients import DIRECTORY
from sync_worker.reconcilers import Recording
from sync_worker.reconcilers.directory import (
    plan_members,
    plan_outlets,
    read_department,
    read_member,
    record_member_plans,
    record_outlet_plans,
)
from sync_worker.resync import Work
from sync_worker.resync.contact_pages import cause_of

CONFIRM_AT_ONCE, APPLY_AT_ONCE = 20, 200
CONFIRM, GUARD, APPLY = "confirm", "guard", "apply"

log = structlog.get_logger()


def why(work: Work) -> Provenance:
    return Provenance(cause_of(work.run), work.run.caused_by)


def has_contact_sync(work: Work) -> bool:
    """Whether the corp's file has the secret of contact sync."""
    with work.runtime.engine.begin() as connection:
        return DIRECTORY in load_agent_ids(connection, work.tenant.id)


@dataclass(frozen=True)
class _Look:
    """Reads of some that were missing, in the same order as those."""

    missing: Sequence[Missing]
    members: Sequence[ObservedAssociate]
    outlets: Sequence[ObservedOutlet]

    def confirmed(self) -> list[Missing]:
        """Each with the time of its read."""
        times = iter([one.observed_at for one in self.members]), iter([one.observed_at for one in self.outlets])
        return [replace(one, confirmed_at=next(times[one.userid is None])) for one in self.missing]


def _look(work: Work, missing: Sequence[Missing], *, listed: set[UserId] | None) -> _Look:
    """`listed`: whom of them contact sync lists, None when there is no such list."""
    app, contact_sync = work.client(), work.client(DIRECTORY) if has_contact_sync(work) else None
    members, outlets = [], []
    for one in missing:
        now = work.runtime.clock.now()
        if one.userid is not None:
            members.append(_beside_list(read_member(app, contact_sync, one.userid, now=now), listed))
        elif one.department_id is not None:
            outlets.append(read_department(app, one.department_id, now=now))
    return _Look(missing, members, outlets)


def _beside_list(observed: ObservedAssociate, listed: set[UserId] | None) -> ObservedAssociate:
    """What a read that shows nobody means beside a whole list of the corp's members."""
    if listed is None or observed.absence not in (Absence.UNKNOWN, Absence.HIDDEN):
        return observed
    if observed.userid in listed:
        return replace(observed, absence=Absence.ELSEWHERE)
    return replace(observed, absence=Absence.NOWHERE) if observed.absence is Absence.UNKNOWN else observed


def confirm_some(work: Work, *, then: Callable[[Connection], None]) -> bool:
    """Look at the next of those whom the walk did not show; when none is left, go on with `then`. Never the end."""
    run, tenant_id = work.run, work.tenant.id
    with work.runtime.engine.begin() as connection:
        missing = next_unconfirmed(connection, tenant_id, run.id, limit=CONFIRM_AT_ONCE)
        userids = [one.userid for one in missing if one.userid is not None]
        listed = listed_among(connection, tenant_id, run.id, userids)
    look = _look(work, missing, listed=listed if has_contact_sync(work) else None)

    def write(connection: Connection) -> bool:
        hold_run(connection, run)
        if not missing:
            then(connection)
            return False
        going = _record_but_removals(connection, work, look)
        confirmed = look.confirmed()
        record_verdicts(connection, tenant_id, run.id, confirmed, [one for one in confirmed if _key(one) in going])
        return False

    return transact(work.runtime.engine, write)


def _key(one: Missing) -> UserId | int | None:
    return one.userid if one.userid is not None else one.department_id


def _record_but_removals(connection: Connection, work: Work, look: _Look) -> set[UserId | int | None]:
    """Record what the reads show, but hold back those of whom only absence says that they are gone: which ones."""
    recording = _recording(work)
    lock_directory(connection, work.tenant.id)
    in_hand = associates_in_hand(connection, work.tenant.id, [one.userid for one in look.members])
    members = plan_members(connection, recording, [one for one in look.members if one.userid not in in_hand])
    outlets = plan_outlets(connection, recording, look.outlets)
    held: set[UserId | int | None] = {one.userid for one in members if one.departed and not _is_evidenced(one)}
    held |= {one.department_id for one in outlets if one.removed and not _is_evidenced(one)}
    _record(
        connection,
        work,
        [one for one in members if one.userid not in held],
        [one for one in outlets if one.department_id not in held],
    )
    return held


def _recording(work: Work) -> Recording:
    return Recording(work.runtime.settings, work.tenant, work.runtime.clock.now())


def _is_evidenced(plan: AssociatePlan | OutletPlan) -> bool:
    if isinstance(plan, AssociatePlan) and plan.row is not None and plan.row.associate.status == LEFT:
        return True
    return any(isinstance(fact, AssociateLeft | OutletRemoved) and fact.evidenced for fact in plan.facts)


def _record(
    connection: Connection, work: Work, members: Sequence[AssociatePlan], outlets: Sequence[OutletPlan]
) -> None:
    recording = _recording(work)
    record_outlet_plans(connection, recording, outlets, {one.department_id: why(work) for one in outlets})
    record_member_plans(connection, recording, members, {one.userid: why(work) for one in members})


def guard(work: Work) -> bool:
    """Let the removals pass, or keep them as a plan for a person: then the run is over (True)."""
    settings, now = work.runtime.settings, work.runtime.clock.now()
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        removals = all_removals(connection, work.tenant.id, work.run.id)
        leavers = sum(1 for one in removals if one.userid is not None)
        counts = zip((leavers, len(removals) - leavers), count_known(connection, work.tenant.id), strict=True)
        reasons = [
            refuse_if_unsafe(removals=n, known=known, share=settings.guard_share, floor=settings.guard_floor)
            for n, known in counts
        ]
        add_notes(connection, work.run, associates_left=leavers, outlets_removed=len(removals) - leavers)
        reason = next((one for one in reasons if one is not None), None)
        if reason is None:
            withdraw(connection, work.run, resource=RESOURCE, now=now)
            set_phase(connection, work.run, APPLY)
            return False
        operations = [one.operation for one in removals]
        checksum = refuse(connection, work.run, resource=RESOURCE, operations=operations, reason=reason, now=now)
        text = f"{reason}; nobody was removed, plan {checksum} waits for approval"
        add_incomplete(connection, work.run, [("removals", text)])
    log.warning("resync.removals_refused", tenant_id=work.tenant.id, run_id=work.run.id, checksum=checksum)
    return True


def apply_some(work: Work) -> bool:
    """Apply the next removals, but those that a later read has overtaken; True when none is left."""

    def write(connection: Connection) -> bool:
        hold_run(connection, work.run)
        removals = next_removals(connection, work.tenant.id, work.run.id, limit=APPLY_AT_ONCE)
        _remove(
            connection,
            work,
            [_unseen_member(one) for one in removals if one.userid is not None],
            [_unseen_outlet(one) for one in removals if one.userid is None],
        )
        mark_applied(connection, work.tenant.id, work.run.id, removals, now=work.runtime.clock.now())
        return len(removals) < APPLY_AT_ONCE

    return transact(work.runtime.engine, write)


def _unseen_member(one: Missing) -> ObservedAssociate:
    assert one.userid is not None and one.confirmed_at is not None
    return ObservedAssociate(one.userid, one.confirmed_at, absence=Absence.NOWHERE)


def _unseen_outlet(one: Missing) -> ObservedOutlet:
    assert one.department_id is not None and one.confirmed_at is not None
    return ObservedOutlet(one.department_id, one.confirmed_at, absence=Absence.UNKNOWN)


def _remove(
    connection: Connection, work: Work, members: Sequence[ObservedAssociate], outlets: Sequence[ObservedOutlet]
) -> int:
    """Record these reads, whatever they show; how many of them were removals."""
    recording = _recording(work)
    lock_directory(connection, work.tenant.id)
    of_members = plan_members(connection, recording, members)
    of_outlets = plan_outlets(connection, recording, outlets)
    _record(connection, work, of_members, of_outlets)
    return sum(one.departed for one in of_members) + sum(one.removed for one in of_outlets)


def apply_approved(work: Work) -> bool:
    """Apply the next operations of the approved plan, exactly those, as far as a read bears them out still.

    That nobody but a list says that somebody left is what the person has looked at.
    """
    plan_id, tenant_id = plan_of(work.run), work.tenant.id
    done, _, skipped = work.run.cursor.partition("/")
    with work.runtime.engine.begin() as connection:
        operations = operations_of(connection, tenant_id, plan_id, after=int(done or -1), limit=CONFIRM_AT_ONCE)
    look = _look(work, [_missing(one) for _, one in operations], listed=set())

    def write(connection: Connection) -> bool:
        hold_run(connection, work.run)
        removed = _remove(connection, work, look.members, look.outlets)
        passed_over = int(skipped or 0) + len(operations) - removed
        if operations:
            set_phase(connection, work.run, work.run.phase, cursor=f"{operations[-1][0]}/{passed_over}")
            return False
        close_plan(connection, tenant_id, plan_id, skipped=passed_over, now=work.runtime.clock.now())
        return True

    return transact(work.runtime.engine, write)


def _missing(operation: Operation) -> Missing:
    if operation.action == ASSOCIATE_LEFT:
        return Missing(UserId(operation.subject_key), None)
    return Missing(None, int(operation.subject_key))
