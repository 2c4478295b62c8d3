"""Decides who a customer is assigned to. Pure.

Assignment is a function of friendships, their ends and operators' decisions by their own times (ASG-10): the three
are replayed in order, so it does not matter in which order they became known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.assignment.model import (
    Assignment,
    AssignmentChange,
    AssignmentFact,
    CustomerAssigned,
    CustomerReassigned,
    CustomerUnassigned,
    Decision,
    ReassignmentRefusedError,
    Why,
)
from services.customers.model import Relation, State
from shared.ids import CustomerId, ExternalUserId, UserId

SYSTEM = "system"
START, DECISION, END = 0, 1, 2


@dataclass(frozen=True)
class AssignmentPlan:
    """`assignment` is None when everything is as recorded."""

    assignment: Assignment | None = None
    change: AssignmentChange | None = None
    facts: tuple[AssignmentFact, ...] = ()


@dataclass(frozen=True)
class _Moment:
    at: datetime
    order: int
    userid: UserId
    ended_by: State | None = None
    by: str = SYSTEM


def plan_assignment(
    relations: Mapping[UserId, Relation],
    decisions: Sequence[Decision],
    recorded: Assignment,
    *,
    customer_id: CustomerId,
    external_userid: ExternalUserId,
) -> AssignmentPlan:
    """Replay who was connected when; plan, apply, plan again is empty."""
    friends, last = _replay(relations, decisions)
    userid = last.to_userid if last else None
    assignment = Assignment(userid, friends[userid] if userid else None)
    if assignment == recorded:
        return AssignmentPlan()
    if userid == recorded.userid or last is None:
        return AssignmentPlan(assignment)
    change = AssignmentChange(recorded.userid, userid, last.why, last.at, last.by)
    return AssignmentPlan(assignment, change, (_fact(change, customer_id, external_userid),))


def _replay(
    relations: Mapping[UserId, Relation], decisions: Sequence[Decision]
) -> tuple[dict[UserId, datetime], AssignmentChange | None]:
    """The friends at the end (with the start of each friendship), and the step that led to the present assignment."""
    friends: dict[UserId, datetime] = {}
    last: AssignmentChange | None = None
    for moment in sorted(_moments(relations, decisions), key=lambda m: (m.at, m.order, m.userid)):
        assigned = last.to_userid if last else None
        step: tuple[UserId | None, Why] | None = None
        match moment.order:
            case 0:  # START
                friends[moment.userid] = moment.at
                step = (moment.userid, "first_add") if assigned is None else None  # ASG-1
            case 1:  # DECISION
                step = (moment.userid, "operator") if moment.userid in friends else None  # ASG-4
            case _:  # END
                friends.pop(moment.userid, None)
                if moment.userid == assigned:  # ASG-5, ASG-7; the end of a regular friend changes nothing (ASG-6)
                    step = _next_friend(friends, transferred=moment.ended_by is State.TRANSFERRED)
        if step is not None and step[0] != assigned:
            last = AssignmentChange(assigned, step[0], step[1], moment.at, moment.by)
    return friends, last


def _moments(relations: Mapping[UserId, Relation], decisions: Sequence[Decision]) -> list[_Moment]:
    moments = [_Moment(d.decided_at, DECISION, d.to_userid, by=d.by) for d in decisions]
    for relation in relations.values():
        for friendship in relation.friendships:  # a half-add is none, so it never assigns (ASG-10)
            if friendship.started_at is not None:
                moments.append(_Moment(friendship.started_at, START, relation.userid))
                if friendship.ended_at is not None:
                    moments.append(_Moment(friendship.ended_at, END, relation.userid, friendship.ended_by))
    return moments


def _next_friend(friends: Mapping[UserId, datetime], *, transferred: bool) -> tuple[UserId | None, Why]:
    """The earliest friendship goes first (ASG-5); nobody is left when the last friend is gone (ASG-7)."""
    if not friends:
        return None, "lost"
    return min(friends, key=lambda userid: (friends[userid], userid)), "transfer" if transferred else "auto"


def _fact(change: AssignmentChange, customer_id: CustomerId, external_userid: ExternalUserId) -> AssignmentFact:
    if change.to_userid is None:
        assert change.from_userid is not None
        return CustomerUnassigned(
            occurred_at=change.at,
            customer_id=customer_id,
            external_userid=external_userid,
            from_userid=change.from_userid,
        )
    if change.from_userid is None:
        return CustomerAssigned(
            occurred_at=change.at,
            customer_id=customer_id,
            external_userid=external_userid,
            to_userid=change.to_userid,
            why=change.why,
        )
    return CustomerReassigned(
        occurred_at=change.at,
        customer_id=customer_id,
        external_userid=external_userid,
        from_userid=change.from_userid,
        to_userid=change.to_userid,
        why=change.why,
    )


def check_reassignment(relations: Mapping[UserId, Relation], recorded: Assignment, to_userid: UserId) -> None:
    """Whether an operator may give the customer to `to_userid` (ASG-4).

    Raises:
        ReassignmentRefusedError: not a friend, the only friend, or already the assigned one.
    """
    friends = {relation.userid for relation in relations.values() if relation.present is not None}
    if to_userid not in friends:
        raise ReassignmentRefusedError(f"{to_userid} is not a friend of this customer; only a friend can take over")
    if len(friends) == 1:
        raise ReassignmentRefusedError("this customer has one friend only and cannot be reassigned")
    if to_userid == recorded.userid:
        raise ReassignmentRefusedError(f"this customer is assigned to {to_userid} already")
