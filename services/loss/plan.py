"""Decides how a customer stands, from all relations. Pure (ASG-7, ASG-8, LOSS-1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.customers.model import ENDS, Relation, State
from services.loss.model import CustomerDeleted, CustomerLost, CustomerReturned, Standing, StandingFact
from shared.ids import CustomerId, ExternalUserId

_BY_LAST_END = {
    State.ENDED_BY_CUSTOMER: Standing.LOST,
    State.ENDED_BY_ASSOCIATE: Standing.DELETED,
    State.ASSOCIATE_LEFT: Standing.LEFT,
    State.TRANSFERRED: Standing.NONE,  # neither lost nor deleted: the new owner's relation is on its way
}
_GONE = {Standing.LOST, Standing.DELETED}


@dataclass(frozen=True)
class StandingPlan:
    """`standing` is None when it is as recorded."""

    standing: Standing | None = None
    facts: tuple[StandingFact, ...] = ()


def standing_of(relations: Iterable[Relation]) -> Standing:
    """Lost or deleted only when no friendship lasts; then the last one to end decides."""
    known = tuple(relations)
    if any(relation.present is not None for relation in known):
        return Standing.FRIEND
    ended = [one for relation in known for one in relation.friendships if one.ended_at and one.ended_by in ENDS]
    if ended:
        last = max(ended, key=lambda one: (one.ended_at, one.ended_by))
        assert last.ended_by is not None
        return _BY_LAST_END[last.ended_by]
    return Standing.HALF if any(relation.state is State.HALF for relation in known) else Standing.NONE


def plan_standing(
    relations: Iterable[Relation],
    recorded: Standing,
    *,
    customer_id: CustomerId,
    external_userid: ExternalUserId,
) -> StandingPlan:
    known = tuple(relations)
    standing = standing_of(known)
    if standing is recorded:
        return StandingPlan()
    kind: type[StandingFact] | None = None
    if standing is Standing.LOST:
        kind = CustomerLost
    elif standing is Standing.DELETED:
        kind = CustomerDeleted
    elif standing is Standing.FRIEND and recorded in _GONE:
        kind = CustomerReturned
    moment = _last_moment(known)
    if kind is None or moment is None:
        return StandingPlan(standing)
    return StandingPlan(standing, (kind(occurred_at=moment, customer_id=customer_id, external_userid=external_userid),))


def _last_moment(relations: Iterable[Relation]) -> datetime | None:
    friendships = [one for relation in relations for one in relation.friendships]
    return max((m for one in friendships for m in (one.started_at, one.ended_at) if m), default=None)
