"""Decides who a customer is assigned to. Pure.

Assignment is a function of friendships, their ends, handovers and operators' decisions by their own times (ASG-10):
they are replayed in order, so it does not matter in which order they became known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.assignment.handovers import UNDECIDED, Taken, taken_over
from services.assignment.model import (
    Assignment,
    AssignmentChange,
    AssignmentFact,
    CustomerAssigned,
    CustomerReassigned,
    CustomerUnassigned,
    Decision,
    Handover,
    ReassignmentObstacle,
    ReassignmentRefusedError,
    Why,
)
from services.customers.model import Relation, State
from shared.ids import CustomerId, ExternalUserId, UserId

SYSTEM = "system"
TAKEOVER, START, DECISION, END = 0, 1, 2, 3
"""In one moment: a handover makes its friend itself, and nobody's friendship ends before it began."""


@dataclass(frozen=True)
class AssignmentPlan:
    """`assignment` is None when it is as recorded. `ignored`: decisions for somebody who was no friend then.

    `undecided`: a handover ended the giver's friendship, and its new owner does not show yet.
    """

    assignment: Assignment | None = None
    changes: tuple[AssignmentChange, ...] = ()
    facts: tuple[AssignmentFact, ...] = ()
    ignored: tuple[Decision, ...] = field(default=(), compare=False)
    undecided: bool = False


@dataclass(frozen=True)
class _Moment:
    at: datetime
    order: int
    userid: UserId
    ended_by: State | None = None
    by: str = SYSTEM
    taken: Taken | None = None


def plan_assignment(
    relations: Mapping[UserId, Relation],
    decisions: Sequence[Decision],
    recorded: Assignment,
    *,
    customer_id: CustomerId,
    external_userid: ExternalUserId,
    handovers: Sequence[Handover] = (),
) -> AssignmentPlan:
    """Replay who was connected when; plan, apply, plan again is empty.

    Every step since the recorded assignment becomes a line of the history and a fact (ASG-9), however many events
    were looked at together. Where late news changes the past itself, one step leads from what is recorded to what is
    right.
    """
    taken = taken_over(relations, handovers)
    if taken is UNDECIDED:
        return AssignmentPlan(undecided=True)
    friends, steps = _replay(relations, decisions, taken)
    userid = steps[-1].to_userid if steps else None
    connected_at = friends[userid] if userid else None
    changes = _new_steps(steps, recorded)
    carried_out = {(step.at, step.to_userid) for step in steps}
    ignored = tuple(d for d in decisions if (d.decided_at, d.to_userid) not in carried_out)
    if (userid, connected_at) == (recorded.userid, recorded.connected_at) and not changes:
        return AssignmentPlan(ignored=ignored)
    changed_at = changes[-1].at if changes else recorded.changed_at
    return AssignmentPlan(
        Assignment(userid, connected_at, changed_at),
        changes,
        tuple(_fact(change, customer_id, external_userid) for change in changes),
        ignored,
    )


def _new_steps(steps: Sequence[AssignmentChange], recorded: Assignment) -> tuple[AssignmentChange, ...]:
    """The steps that the history lacks."""
    until = recorded.changed_at
    if recorded.userid is None and until is None:
        return tuple(steps)
    known = [i for i, one in enumerate(steps) if one.to_userid == recorded.userid and (not until or one.at <= until)]
    if known:
        return tuple(steps[known[-1] + 1 :])
    last = steps[-1] if steps else None
    if last is None or last.to_userid == recorded.userid:
        return ()
    return (replace(last, from_userid=recorded.userid),)


def _replay(
    relations: Mapping[UserId, Relation], decisions: Sequence[Decision], taken: Sequence[Taken]
) -> tuple[dict[UserId, datetime], list[AssignmentChange]]:
    """The friends at the end (with the start of each friendship), and every step of the assignment."""
    friends: dict[UserId, datetime] = {}
    steps: list[AssignmentChange] = []
    left: set[UserId] = set()  # who was assigned when they left the corp, while a stand-in is
    for moment in sorted(_moments(relations, decisions, taken), key=lambda m: (m.at, m.order, m.userid)):
        assigned = steps[-1].to_userid if steps else None
        step: tuple[UserId | None, Why] | None = None
        if moment.taken is not None:
            friends.setdefault(moment.userid, moment.at)
            step = (moment.userid, "transfer") if _hands_on(moment.taken, assigned, left) else None
        elif moment.order == START:
            friends[moment.userid] = moment.at
            step = (moment.userid, "first_add") if assigned is None else None  # ASG-1
        elif moment.order == DECISION:
            step = (moment.userid, "operator") if moment.userid in friends else None  # ASG-4
        else:
            friends.pop(moment.userid, None)
            if moment.userid == assigned:  # ASG-5, ASG-7; the end of a regular friend changes nothing (ASG-6)
                step = _next_friend(friends, moment.ended_by)
                left |= {moment.userid} if moment.ended_by is State.ASSOCIATE_LEFT else set()
        left = set() if step is not None and moment.order != END else left
        if step is not None and step[0] != assigned:
            transfer_id = moment.taken.transfer_id if moment.taken else None
            steps.append(AssignmentChange(assigned, step[0], step[1], moment.at, moment.by, transfer_id))
    return friends, steps


def _hands_on(taken: Taken, assigned: UserId | None, left: set[UserId]) -> bool:
    """Whether the giver was the assigned one; of a giver who had left, also whoever stands in since (TRF-1, TRF-2)."""
    return assigned in (None, taken.from_userid) or (taken.from_userid in left and taken.done)


def _moments(
    relations: Mapping[UserId, Relation], decisions: Sequence[Decision], taken: Sequence[Taken]
) -> list[_Moment]:
    moments = [_Moment(d.decided_at, DECISION, d.to_userid, by=d.by) for d in decisions]
    moments += [_Moment(one.at, TAKEOVER, one.to_userid, by=one.by, taken=one) for one in taken]
    later = {(one.from_userid, one.ended_at): one.at for one in taken if one.ended_at is not None}
    for relation in relations.values():
        for friendship in relation.friendships:  # a half-add is none, so it never assigns (ASG-10)
            if friendship.started_at is not None:
                moments.append(_Moment(friendship.started_at, START, relation.userid))
                if friendship.ended_at is not None:
                    # What was handed over ends when the new owner has it.
                    at = later.get((relation.userid, friendship.ended_at), friendship.ended_at)
                    moments.append(_Moment(at, END, relation.userid, friendship.ended_by))
    return moments


def _next_friend(friends: Mapping[UserId, datetime], ended_by: State | None) -> tuple[UserId | None, Why]:
    """The earliest friendship goes first (ASG-5); nobody is left when the last friend is gone (ASG-7)."""
    why: Why = "transfer" if ended_by is State.TRANSFERRED else "auto"
    if friends:
        return min(friends, key=lambda userid: (friends[userid], userid)), why
    return None, "lost" if ended_by is State.ENDED_BY_CUSTOMER else why


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
        transfer_id=change.transfer_id,
    )


def obstacle_to(
    relations: Mapping[UserId, Relation], assigned: UserId | None, to_userid: UserId
) -> ReassignmentObstacle | None:
    """Why an operator may not give the customer to `to_userid` (ASG-4); None: they may."""
    friends = {relation.userid for relation in relations.values() if relation.present is not None}
    if to_userid not in friends:
        return ReassignmentObstacle.NOT_A_FRIEND
    if len(friends) == 1:
        return ReassignmentObstacle.ONE_FRIEND
    return ReassignmentObstacle.SAME if to_userid == assigned else None


def check_reassignment(relations: Mapping[UserId, Relation], recorded: Assignment, to_userid: UserId) -> None:
    """Whether an operator may give the customer to `to_userid` (ASG-4).

    Raises:
        ReassignmentRefusedError: not a friend, the only friend, or already the assigned one.
    """
    match obstacle_to(relations, recorded.userid, to_userid):
        case ReassignmentObstacle.NOT_A_FRIEND:
            raise ReassignmentRefusedError(f"{to_userid} is not a friend of this customer; only a friend can take over")
        case ReassignmentObstacle.ONE_FRIEND:
            raise ReassignmentRefusedError("this customer has one friend only and cannot be reassigned")
        case ReassignmentObstacle.SAME:
            raise ReassignmentRefusedError(f"this customer is assigned to {to_userid} already")
