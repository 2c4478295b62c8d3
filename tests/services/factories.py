"""Values that the tests of the rules share: invented people, seconds on one day, short ways to say what is known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.customers.model import (
    Evidence,
    EvidenceKind,
    Friendship,
    Notes,
    Observed,
    ObservedRelation,
    Profile,
    Recorded,
    Relation,
    State,
)
from services.customers.plan import ContactPlan
from shared.ids import CustomerId, ExternalUserId, UserId

DAY = datetime(2026, 3, 2, tzinfo=UTC)
CONTACT = ExternalUserId("wmContactOne")
CUSTOMER = CustomerId(7)
LI, ZHAO, WANG = UserId("LiNa"), UserId("ZhaoMin"), UserId("WangWei")
ADDED, HALF_ADDED = EvidenceKind.ADDED, EvidenceKind.HALF_ADDED
LOST, DELETED, TRANSFERRED = (
    EvidenceKind.ENDED_BY_CUSTOMER,
    EvidenceKind.ENDED_BY_ASSOCIATE,
    EvidenceKind.TRANSFERRED,
)


def at(second: float) -> datetime:
    """A moment of the day on which everything here happens."""
    return DAY + timedelta(seconds=second)


def friendship(start: float | None, end: float | None = None, by: State = State.ENDED_BY_CUSTOMER) -> Friendship:
    started_at = None if start is None else at(start)
    return Friendship(started_at) if end is None else Friendship(started_at, at(end), by)


def relation(
    userid: UserId,
    *friendships: Friendship,
    state: State | None = None,
    half: float | None = None,
    notes: Notes | None = None,
) -> Relation:
    """A recorded relation; without `state`, the one that its last friendship tells."""
    if state is None:
        state = (friendships[-1].ended_by if friendships else State.HALF) or State.ACTIVE
    return Relation(userid, state, tuple(friendships), None if half is None else at(half), notes or Notes())


def recorded(*relations: Relation, profile: Profile | None = None) -> Recorded:
    return Recorded(CONTACT, CUSTOMER, profile, {one.userid: one for one in relations})


def told(userid: UserId, kind: EvidenceKind, second: float, *, add_state: str | None = None) -> Evidence:
    return Evidence(userid, kind, at(second), add_state)


def listed(userid: UserId, second: float | None, **notes: object) -> ObservedRelation:
    """A relation as a read shows it, created at `second`."""
    return ObservedRelation(userid, None if second is None else at(second), Notes(**notes))  # type: ignore[arg-type]


def read(
    second: float, *relations: ObservedRelation, complete: bool = True, profile: Profile | None = None
) -> Observed:
    return Observed(CONTACT, profile, relations, at(second), complete)


def applied(before: Recorded, plan: ContactPlan) -> Recorded:
    """What is recorded once a plan is written."""
    relations = dict(before.relations) | {one.userid: one for one in plan.relations}
    return Recorded(CONTACT, CUSTOMER, plan.profile or before.profile, relations)


def facts_of(plan: ContactPlan) -> list[tuple[str, str, float]]:
    """The facts as (type, userid, second)."""
    return [(one.TYPE, one.userid, (one.occurred_at - DAY).total_seconds()) for one in plan.facts]


def times(friendships: Sequence[Friendship]) -> list[tuple[float | None, float | None, str | None]]:
    """Friendships as (start, end, by), in seconds."""
    return [
        (
            None if one.started_at is None else (one.started_at - DAY).total_seconds(),
            None if one.ended_at is None else (one.ended_at - DAY).total_seconds(),
            None if one.ended_by is None else one.ended_by.value,
        )
        for one in friendships
    ]
