"""Departments, one by one: after an event, or when a member is in one that is not known."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.associates.model import OUTLET, ObservedOutlet
from services.associates.record import Provenance
from services.associates.store import lock_directory
from shared.errors import TerminalError
from shared.requests import Leased
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell
from sync_worker.reconcilers.directory import plan_outlets, read_department, record_outlet_plans


def observe(looking: Looking, leased: Leased) -> ObservedOutlet:
    key = leased.subject.key
    if not (key.isascii() and key.isdigit()):
        raise TerminalError(f"no department has the id {key!r}")
    return read_department(looking.client(), int(key), now=looking.now)


def record(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    lock_directory(connection, recording.tenant.id)
    subjects = {one.observation.department_id: one.leased for one in seen}
    why = {key: Provenance(leased.cause, leased.caused_by) for key, leased in subjects.items()}
    plans = plan_outlets(connection, recording, [one.observation for one in seen])
    notices = record_outlet_plans(connection, recording, plans, why)
    again = {
        subjects[plan.department_id].subject: LookAgain(plan.look_again_at, "WeCom's read may be behind its event")
        for plan in plans
        if plan.look_again_at is not None
    }
    return Recorded(look_again=again, notices=notices)


OUTLETS = Shell(OUTLET, observe, record)
