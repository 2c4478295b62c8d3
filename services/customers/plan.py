"""What a read of a contact, what is recorded of it and the evidence about it amount to. Pure.

One observation per contact; each relation is decided on its own. Absence is suspicious: a relation that a complete
read does not show, and whose end no event told, is first looked at again (`unconfirmed`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta

from services.customers.ends import end_of_half, last_end, without_unended
from services.customers.friendships import MOMENT, News, news, points_of, replay, told_by
from services.customers.model import (
    EDITABLE,
    END_FACTS,
    END_KINDS,
    Absence,
    End,
    Evidence,
    EvidenceKind,
    Friendship,
    Notes,
    Observed,
    ObservedRelation,
    Profile,
    Recorded,
    Relation,
    RelationEdited,
    RelationFact,
    RelationHalfAdded,
    RelationInSight,
    RelationOutOfSight,
    RelationStarted,
    State,
)
from shared.ids import ExternalUserId, UserId


@dataclass(frozen=True)
class Lags:
    """How far WeCom's reads may be behind its events."""

    deletion: timedelta = timedelta(minutes=10)
    """A relation that its member ended may still be listed for so long."""
    addition: timedelta = timedelta(minutes=2)
    """A new relation may be missing for so long."""


LOOK_AGAIN_AFTER = timedelta(seconds=2)
OLDEST = datetime(2001, 9, 9, tzinfo=UTC)
"""WeCom is younger: an earlier time (0 above all) is no time."""
SKEW = timedelta(days=1)
"""A time further ahead of the read than this is none either: what waits for it would wait for ever."""


@dataclass(frozen=True)
class ContactPlan:
    """What to write of one contact. Empty when everything is as recorded."""

    external_userid: ExternalUserId
    profile: Profile | None = None
    relations: tuple[Relation, ...] = ()
    facts: tuple[RelationFact, ...] = ()
    unconfirmed: frozenset[UserId] = frozenset()
    look_again_at: datetime | None = None


@dataclass
class _Draft:
    """What the relations of one contact add up to while they are decided one by one."""

    relations: list[Relation] = field(default_factory=list)
    facts: list[RelationFact] = field(default_factory=list)
    unconfirmed: set[UserId] = field(default_factory=set)
    look_again_at: datetime | None = None

    def look_again(self, at: datetime) -> None:
        self.look_again_at = at if self.look_again_at is None else min(self.look_again_at, at)


def plan_contact(
    observed: Observed,
    recorded: Recorded,
    evidence: Sequence[Evidence],
    *,
    absences: Mapping[UserId, Absence] | None = None,
    lags: Lags = Lags(),
    news_since: datetime | None = None,
    unrouted_since: datetime | None = None,
    moving: Collection[UserId] = (),
) -> ContactPlan:
    """Decide what becomes of a contact and its relations; plan, apply, plan again is empty.

    `absences` answers for the userids that an earlier plan called `unconfirmed`. Friendships since `news_since` (when
    the corp was added) have events of their own: one that only a read shows is told when its event had time to come,
    which it has not while events that came at `unrouted_since` still wait. Of `moving` associates the contact is being
    handed to others: that they are not shown any more is no end of theirs until the handover's outcome says what it is.
    """
    draft = _Draft()
    seen = {relation.userid: relation for relation in observed.relations}
    for userid in sorted(seen.keys() | recorded.relations.keys() | {item.userid for item in evidence}):
        absence = (absences or {}).get(userid)
        _plan_relation(
            draft,
            _Sight(observed, seen.get(userid), absence, lags, news_since, unrouted_since, userid in moving),
            userid=userid,
            recorded=recorded.relations.get(userid),
            evidence=[item for item in evidence if item.userid == userid],
        )
    return ContactPlan(
        external_userid=observed.external_userid,
        profile=_changed_profile(observed.profile, recorded.profile),
        relations=tuple(draft.relations),
        # In the order in which it happened; of one second and relation in the order made, starts before ends.
        facts=tuple(sorted(draft.facts, key=lambda fact: (fact.occurred_at, fact.userid))),
        unconfirmed=frozenset(draft.unconfirmed),
        look_again_at=draft.look_again_at,
    )


@dataclass(frozen=True)
class _Sight:
    """What the read says of one relation."""

    read: Observed
    relation: ObservedRelation | None
    absence: Absence | None
    lags: Lags
    news_since: datetime | None
    unrouted_since: datetime | None
    moving: bool = False

    @property
    def missing(self) -> bool:
        return self.relation is None and (self.read.complete or self.absence is not None)

    def may_come(self, friendship: Friendship) -> bool:
        """Whether an add event of this friendship may still be on its way to us, or wait to be routed here."""
        started_at = friendship.started_at
        if self.news_since is None or started_at is None or started_at < self.news_since:
            return False
        unread = self.unrouted_since is not None and started_at >= self.unrouted_since - self.lags.addition
        return unread or self.read.observed_at - started_at < self.lags.addition


def _plan_relation(
    draft: _Draft, sight: _Sight, *, userid: UserId, recorded: Relation | None, evidence: Sequence[Evidence]
) -> None:
    starts, ends = _points(draft, sight, recorded, evidence)
    halves = _halves(recorded, evidence)
    half_at = max(halves, default=None)
    half_over = end_of_half(starts, ends, halves)
    told = replay(starts, ends - half_over)
    ended_at = last_end(ends, told, half_over, evidence)
    ends -= half_over
    state = _state(told, half_at if ended_at is None or half_at is None or half_at > ended_at else None, half_over)
    if state is None:
        return
    taken = any(item.kind is EvidenceKind.TRANSFERRED and item.occurred_at == ended_at for item in evidence)
    if state is State.ASSOCIATE_LEFT and taken:
        state = State.TRANSFERRED  # the customers of who left wait for a new owner no longer
    if state is State.ACTIVE and sight.missing and sight.moving and sight.absence is not Absence.OUT_OF_SIGHT:
        return
    if state is State.ACTIVE and sight.missing:
        # Also a start within the friendship: it may be a new one, which reads do not show yet, after an unheard end.
        young = any(sight.read.observed_at - at < sight.lags.addition for at in starts)
        match sight.absence:
            case Absence.OUT_OF_SIGHT:
                state = State.OUT_OF_SIGHT
            case Absence.ENDED if not young:
                told, state = _ended_unseen(sight, starts, ends, half_at)
            case _:
                _wait(draft, sight, userid=userid, young=young)
                return
    elif state is State.ACTIVE and sight.relation is None and recorded is not None:
        state = recorded.state if recorded.state is State.OUT_OF_SIGHT else state
    notes = _merged(_kept(recorded, told, shown=sight.relation is not None), _shown(sight))
    if notes.add_state is None:
        notes = replace(notes, add_state=_told_state(evidence, since=_last_end_before(told, ends | half_over)))
    known = recorded.told if recorded else None
    fresh = _ripe(draft, sight, news(recorded.friendships if recorded else (), told, known), evidence)
    desired = Relation(userid, state, told, half_at, notes, None if fresh.told == told_by(told) else fresh.told)
    if desired != recorded:
        draft.relations.append(desired)
        draft.facts += _facts(sight.read, recorded, desired, fresh, evidence)


def _ended_unseen(
    sight: _Sight, starts: set[datetime], ends: set[End], half_at: datetime | None
) -> tuple[tuple[Friendship, ...], State]:
    """Nothing told of the end. A half-add since the last start says that it lies before that."""
    if half_at is not None and half_at > max(starts):
        return replay(starts, {*ends, End(half_at - MOMENT, State.ENDED_BY_ASSOCIATE)}), State.HALF
    return replay(starts, {*ends, End(sight.read.observed_at, State.ENDED_BY_ASSOCIATE)}), State.ENDED_BY_ASSOCIATE


def _points(
    draft: _Draft, sight: _Sight, recorded: Relation | None, evidence: Sequence[Evidence]
) -> tuple[set[datetime], set[End]]:
    starts, ends = points_of(recorded.friendships if recorded else ())
    starts |= {item.occurred_at for item in evidence if item.kind is EvidenceKind.ADDED}
    ends |= {End(item.occurred_at, END_KINDS[item.kind]) for item in evidence if item.kind in END_KINDS}
    if sight.relation is not None:
        created_at = _created_at(sight.read, sight.relation)
        if created_at is None and not starts and not ends:  # some corps have been given none: this look has to do
            created_at = sight.read.observed_at
        if created_at is None:
            return starts, ends
        starts = {*without_unended(starts, ends, before=created_at), created_at}
        # A customer's removal never shows in reads. The others do, after a while: a read that still lists the
        # relation beyond that while speaks against the end.
        last = max(starts)
        for end in [end for end in ends if end.by is not State.ENDED_BY_CUSTOMER and end.at >= last]:
            if sight.read.observed_at - end.at >= sight.lags.deletion:
                ends.discard(end)
            else:
                draft.look_again(end.at + sight.lags.deletion)
    elif not sight.read.complete and recorded is not None and recorded.present and recorded.present.started_at:
        starts = without_unended(starts, ends, before=recorded.present.started_at)  # nothing is said of it
    return starts, ends


def _created_at(read: Observed, relation: ObservedRelation) -> datetime | None:
    """When the read says that the friendship began, if that can be."""
    at = relation.created_at
    return at if at is not None and OLDEST <= at < read.observed_at + SKEW else None


def _ripe(draft: _Draft, sight: _Sight, fresh: News, evidence: Sequence[Evidence]) -> News:
    """Without the starts that only a read shows and whose event may still be on its way: that one tells them."""
    waiting = [one for one in fresh.started if not _evidenced(one, sight.read, evidence) and sight.may_come(one)]
    if not waiting:
        return fresh
    ripe_at = max(one.started_at for one in waiting if one.started_at) + sight.lags.addition
    draft.look_again(max(ripe_at, sight.read.observed_at + LOOK_AGAIN_AFTER))
    gone = {one.started_at for one in waiting}
    return replace(
        fresh,
        started=tuple(one for one in fresh.started if one not in waiting),
        told=replace(fresh.told, starts=frozenset(at for at in fresh.told.starts if at not in gone)),
    )


def _halves(recorded: Relation | None, evidence: Sequence[Evidence]) -> set[datetime]:
    known = {item.occurred_at for item in evidence if item.kind is EvidenceKind.HALF_ADDED}
    if recorded is not None and recorded.half_at is not None:
        known.add(recorded.half_at)
    return known


def _state(told: Sequence[Friendship], half_at: datetime | None, half_over: set[End]) -> State | None:
    """None: nothing is known of this relation."""
    last = told[-1] if told else None
    if last is not None and last.ended_at is None:
        return State.ACTIVE
    if last is None and half_over and half_at is None:
        return max(half_over, key=lambda end: (end.at, end.by)).by
    if half_at is not None and (last is None or last.ended_at is None or half_at > last.ended_at):
        return State.HALF
    return last.ended_by if last is not None else None


def _wait(draft: _Draft, sight: _Sight, *, userid: UserId, young: bool) -> None:
    """Leave the relation as recorded: reads may be behind, or a second look must come first."""
    if young:
        draft.look_again(sight.read.observed_at + LOOK_AGAIN_AFTER)
    elif sight.absence is Absence.STILL_THERE:  # one way of reading shows it, another does not: no hurry
        draft.look_again(sight.read.observed_at + sight.lags.deletion)
    else:
        draft.unconfirmed.add(userid)


def _facts(
    read: Observed, recorded: Relation | None, desired: Relation, told: News, evidence: Sequence[Evidence]
) -> list[RelationFact]:
    userid, external_userid = desired.userid, read.external_userid
    was = recorded.state if recorded else None
    facts: list[RelationFact] = [_started(one, read, desired, evidence) for one in told.started]
    for one in told.ended:
        assert one.ended_at is not None and one.ended_by is not None
        evidenced = any(item.occurred_at == one.ended_at and item.kind in END_KINDS for item in evidence)
        facts.append(
            END_FACTS[one.ended_by](
                occurred_at=one.ended_at, userid=userid, external_userid=external_userid, evidenced=evidenced
            )
        )
    at = read.observed_at
    if desired.state is State.HALF and was is not State.HALF and desired.half_at is not None:
        facts.append(RelationHalfAdded(occurred_at=desired.half_at, userid=userid, external_userid=external_userid))
    if desired.state is State.OUT_OF_SIGHT and was is not State.OUT_OF_SIGHT:
        facts.append(RelationOutOfSight(occurred_at=at, userid=userid, external_userid=external_userid))
    if desired.state is State.ACTIVE and (was is State.OUT_OF_SIGHT or told.reopened):
        facts.append(RelationInSight(occurred_at=at, userid=userid, external_userid=external_userid))
    changed = _edited(recorded, desired)
    if changed and not told.started:
        facts.append(RelationEdited(occurred_at=at, userid=userid, external_userid=external_userid, changed=changed))
    return facts


def plan_first_sight(read: Observed, relation: ObservedRelation) -> tuple[Relation, RelationStarted] | None:
    """The plan for one relation of a contact of which nothing is known, neither rows nor evidence: the same as
    `plan_contact` makes, at a fraction of its cost. None when it is no such simple case: no usable time of its start.
    """
    created_at = _created_at(read, relation)
    if created_at is None:
        return None
    desired = Relation(relation.userid, State.ACTIVE, (Friendship(created_at),), notes=relation.notes)
    return desired, _started(desired.friendships[0], read, desired, ())


def _started(
    friendship: Friendship, read: Observed, desired: Relation, evidence: Sequence[Evidence]
) -> RelationStarted:
    assert friendship.started_at is not None
    return RelationStarted(
        occurred_at=friendship.started_at,
        userid=desired.userid,
        external_userid=read.external_userid,
        evidenced=_evidenced(friendship, read, evidence),
        add_way=desired.notes.add_way,
        add_state=desired.notes.add_state,
    )


def _evidenced(friendship: Friendship, read: Observed, evidence: Sequence[Evidence]) -> bool:
    """Whether an add event tells of this friendship."""
    first, last = friendship.started_at, friendship.ended_at or read.observed_at + timedelta(days=1)
    return first is not None and any(
        item.kind is EvidenceKind.ADDED and first <= item.occurred_at <= last for item in evidence
    )


def _edited(recorded: Relation | None, desired: Relation) -> tuple[str, ...]:
    """Editable fields that had a known value and have another known one now; a first look at them is no edit."""
    if recorded is None:
        return ()
    both = ((name, getattr(recorded.notes, name), getattr(desired.notes, name)) for name in EDITABLE)
    return tuple(name for name, before, after in both if before is not None and after is not None and before != after)


def _shown(sight: _Sight) -> Notes:
    return sight.relation.notes if sight.relation is not None else Notes()


def _kept(recorded: Relation | None, told: Sequence[Friendship], *, shown: bool) -> Notes:
    """What is recorded; of a former friendship only what stands until a read shows the new one."""
    if recorded is None:
        return Notes()
    known = {one.started_at for one in recorded.friendships if one.started_at}
    began = told[-1].started_at if told else None
    if known and began is not None and began > max(known):
        return Notes() if shown else replace(recorded.notes, add_way=None, oper_userid=None, add_state=None)
    return recorded.notes


def _merged(before: Notes, after: Notes) -> Notes:
    """`after` where it states something, else `before`."""
    stated = {f.name: getattr(after, f.name) for f in fields(Notes) if getattr(after, f.name) is not None}
    return replace(before, **stated)


def _last_end_before(told: Sequence[Friendship], ends: set[End]) -> datetime | None:
    """The last end, of a friendship or of a half-add, before the present friendship began; None when there is none."""
    began = told[-1].started_at if told else None
    return max((end.at for end in ends if began is None or end.at < began), default=None)


def _told_state(evidence: Sequence[Evidence], *, since: datetime | None) -> str | None:
    """The contact way that events after `since` name, the last one first."""
    told = [item for item in evidence if item.add_state and (since is None or item.occurred_at > since)]
    return max(told, key=lambda item: item.occurred_at).add_state if told else None


def _changed_profile(observed: Profile | None, recorded: Profile | None) -> Profile | None:
    """The profile to write, or None when nothing in it changed."""
    if observed is None:
        return None
    before = recorded or Profile()
    stated = {f.name: getattr(observed, f.name) for f in fields(Profile) if getattr(observed, f.name) is not None}
    after = replace(before, **stated)
    return after if recorded is None or after != before else None
