"""Gives customers to one of their friends (ASG-4), each by the rule and with its own reason where that cannot be.

A row is done when the decision is recorded, and both associates are told: at once, or where a handover is known, when
the planner has looked.
"""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from services.assignment.model import ReassignmentObstacle
from services.assignment.reassign_many import Judged, reassign_many
from services.bulk_changes.kinds import Before, Kind, Page
from services.bulk_changes.model import (
    AssignmentWanted,
    BulkRefusedError,
    Obstacle,
    Outcome,
    RowState,
    Why,
    Worked,
)
from services.transfers.model import Kind as TransferKind
from services.transfers.store import load_of_subjects
from shared.db.engine import fetch_one
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.tenants import Tenant

REASONS = {ReassignmentObstacle.NOT_A_FRIEND: Why.NOT_A_FRIEND, ReassignmentObstacle.ONE_FRIEND: Why.ONE_FRIEND}


def check(connection: Connection, tenant: Tenant, wanted: AssignmentWanted) -> AssignmentWanted:
    there = fetch_one(
        connection,
        "select 1 from associate where tenant_id = :tenant_id and userid = :userid and gone_at is null",
        tenant_id=tenant.id,
        userid=wanted.to_userid,
    )
    if there is None:
        raise BulkRefusedError(f"no associate {wanted.to_userid}")
    return wanted


def obstacle(wanted: AssignmentWanted) -> Obstacle | None:
    """As `obstacle_to` decides it; a test holds the two together."""
    friends = (
        "(select {} from external_contact e join relation r on r.tenant_id = e.tenant_id "
        "and r.external_userid = e.external_userid and r.state = 'active' "
        "where e.tenant_id = u.tenant_id and e.customer_id = u.id)"
    )
    return Obstacle(
        "case when not exists (select from external_contact e where e.tenant_id = u.tenant_id "
        f"and e.customer_id = u.id) then '{Why.NO_CONTACT}' "
        f"when not coalesce({friends.format('bool_or(r.userid = :o_userid)')}, false) then '{Why.NOT_A_FRIEND}' "
        f"when {friends.format('count(*)')} = 1 then '{Why.ONE_FRIEND}' "
        f"when u.assigned_userid = :o_userid then '{RowState.SAME}' end",
        {"o_userid": wanted.to_userid},
    )


def apply(page: Page, wanted: AssignmentWanted) -> Worked:
    to_userid = UserId(wanted.to_userid)
    done = reassign_many(
        page.connection,
        page.tenant,
        dict.fromkeys(page.ids, to_userid),
        by=page.change.author,
        caused_by=page.change.caused_by,
        handed_over=partial(_handed_over, page),
        now=page.now,
    )
    return Worked(tuple(_outcome(one, done.judged.get(one), at=page.now) for one in page.ids), done.facts)


def _handed_over(page: Page, contacts: Collection[ExternalUserId]) -> Collection[str]:
    return load_of_subjects(page.connection, page.tenant.id, TransferKind.CUSTOMER, contacts)


def _outcome(customer_id: CustomerId, judged: Judged | None, *, at: datetime) -> Outcome:
    if judged is None:
        return Outcome(customer_id, RowState.REFUSED, Why.NO_CONTACT)
    if judged.obstacle is ReassignmentObstacle.SAME:
        return Outcome(customer_id, RowState.SAME)
    if judged.obstacle is not None:
        return Outcome(customer_id, RowState.REFUSED, REASONS[judged.obstacle])
    before = {"userid": judged.assigned, "decided_at": at.isoformat()}
    return Outcome(customer_id, RowState.DONE, before=before)


def undo(page: Page, wanted: AssignmentWanted, before: Before) -> Worked:
    """Back to who had them, if the last decision is this change's and they are still a friend."""
    had = {one: UserId(was["userid"]) for one, was in before.items() if was["userid"] is not None}
    decided = {one: datetime.fromisoformat(was["decided_at"]) for one, was in before.items()}

    def as_left(one: CustomerId, judged: Judged) -> bool:
        return (judged.decided_at, judged.assigned) == (decided[one], wanted.to_userid)

    done = reassign_many(
        page.connection,
        page.tenant,
        had,
        only_if=as_left,
        by=page.change.author,
        caused_by=page.change.caused_by,
        handed_over=partial(_handed_over, page),
        now=page.now,
    )
    return Worked(
        tuple(
            _undone(one, found, as_left=found is not None and as_left(one, found))
            for one in page.ids
            for found in (done.judged.get(one),)
        ),
        done.facts,
    )


def _undone(customer_id: CustomerId, judged: Judged | None, *, as_left: bool) -> Outcome:
    if judged is None:
        return Outcome(customer_id, RowState.REFUSED, Why.NO_CONTACT)
    if not as_left or judged.obstacle is ReassignmentObstacle.SAME:
        return Outcome(customer_id, RowState.REFUSED, Why.CHANGED_SINCE)
    if judged.obstacle is not None:
        return Outcome(customer_id, RowState.REFUSED, REASONS[judged.obstacle])
    return Outcome(customer_id, RowState.DONE)


KIND = Kind(check, obstacle, apply, undo, page=500)
