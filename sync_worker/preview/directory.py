"""What a full pass over departments and members would change. Contact sync's list of ids is left out here."""

from collections.abc import Iterator
from functools import partial

from services.associates.model import ASSOCIATE, OUTLET, ObservedAssociate, ObservedOutlet
from services.associates.store import load_associates, load_outlets
from services.differences.associates import associate_outlook, outlet_outlook
from services.differences.model import Difference, What
from services.differences.store import present_associates, present_outlets
from shared.db.engine import describe
from shared.errors import RetryableError, TerminalError
from shared.ids import UserId
from sync_worker.preview import Step, View
from sync_worker.reconcilers.directory import observed_department, observed_member, plan_members, plan_outlets


def preview_directory(view: View) -> Iterator[Step]:
    """Department by department."""
    departments = {
        one.id: observed_department(one, now=view.now) for one in view.ask(view.client().address_book.departments)
    }
    yield Step(len(departments), _outlets(view, list(departments.values())))
    seen: set[UserId] = set()
    complete = True
    for department_id in sorted(departments):
        try:
            members = view.ask(partial(view.client().address_book.members_in, department_id))
        except (RetryableError, TerminalError) as error:
            complete = False
            yield Step(unread=((f"department {department_id}", describe(error)),))
            continue
        fresh = {one.userid: observed_member(one, now=view.now) for one in members if one.userid not in seen}
        seen.update(fresh)
        yield Step(len(fresh), _members(view, list(fresh.values())))
    with view.reading() as connection:
        outlets = [one for one in present_outlets(connection, view.tenant.id) if int(one) not in departments]
        lost = [one for one in present_associates(connection, view.tenant.id) if one not in seen] if complete else []
    missing = [Difference(OUTLET, one, What.MISSING) for one in outlets]
    yield Step(differences=(*missing, *(Difference(ASSOCIATE, one, What.MISSING) for one in lost)))


def _outlets(view: View, observed: list[ObservedOutlet]) -> tuple[Difference, ...]:
    with view.reading() as connection:
        recorded = load_outlets(connection, view.tenant.id, [one.department_id for one in observed])
        plans = plan_outlets(connection, view.recording, observed)
    found = [outlet_outlook(plan, recorded.get(plan.department_id)).differences for plan in plans]
    return tuple(one for differences in found for one in differences)


def _members(view: View, observed: list[ObservedAssociate]) -> tuple[Difference, ...]:
    with view.reading() as connection:
        recorded = load_associates(connection, view.tenant.id, [one.userid for one in observed])
        plans = plan_members(connection, view.recording, observed)
    found = [associate_outlook(plan, recorded.get(plan.userid)).differences for plan in plans]
    return tuple(one for differences in found for one in differences)
