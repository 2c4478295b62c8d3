"""Values of contacts and relations.

Authority of the fields: WeCom for the profile, the friendship's times, add way and state; evidence for how and when a
friendship ended and for half-adds; shared (the last person to act) for remark, description, tags and phones.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.ids import CustomerId, ExternalUserId, UserId

CONTACT = "external_contact"
"""Subject kind: one external contact with all its relations, under one lease, since assignment compares them."""


class State(StrEnum):
    HALF = "half"  # the customer added, the associate has not confirmed: not a friendship
    ACTIVE = "active"
    ENDED_BY_CUSTOMER = "ended_by_customer"
    ENDED_BY_ASSOCIATE = "ended_by_associate"
    TRANSFERRED = "transferred"
    ASSOCIATE_LEFT = "associate_left"
    OUT_OF_SIGHT = "out_of_sight"


ENDS = frozenset({State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE, State.TRANSFERRED, State.ASSOCIATE_LEFT})


@dataclass(frozen=True, order=True)
class End:
    """A friendship's end: when, and who ended it."""

    at: datetime
    by: State


@dataclass(frozen=True, order=True)
class Friendship:
    """One time of being connected. `started_at` is None when only its end is known; `ended_at` None while it lasts."""

    started_at: datetime | None
    ended_at: datetime | None = None
    ended_by: State | None = None

    @property
    def end(self) -> End | None:
        return End(self.ended_at, self.ended_by) if self.ended_at and self.ended_by else None


class EvidenceKind(StrEnum):
    """What an event says and no read can tell."""

    ADDED = "added"
    HALF_ADDED = "half_added"
    ENDED_BY_CUSTOMER = "ended_by_customer"
    ENDED_BY_ASSOCIATE = "ended_by_associate"
    TRANSFERRED = "transferred"
    ASSOCIATE_LEFT = "associate_left"  # said by the directory or the list of the unassigned


END_KINDS: Mapping[EvidenceKind, State] = {
    EvidenceKind.ENDED_BY_CUSTOMER: State.ENDED_BY_CUSTOMER,
    EvidenceKind.ENDED_BY_ASSOCIATE: State.ENDED_BY_ASSOCIATE,
    EvidenceKind.TRANSFERRED: State.TRANSFERRED,
    EvidenceKind.ASSOCIATE_LEFT: State.ASSOCIATE_LEFT,
}

TRANSFER_FAILED = "transfer_failed"
ARCHIVING_AGREED = "archiving_agreed"
"""More that events say of a contact; how its relations stand does not follow from it."""


@dataclass(frozen=True)
class Evidence:
    """One statement of an event about a relation, at the event's own time."""

    userid: UserId
    kind: EvidenceKind
    occurred_at: datetime
    add_state: str | None = None


@dataclass(frozen=True)
class Notes:
    """What a relation carries beside its times. None = not stated by the read, so what is recorded stays."""

    remark: str | None = None
    description: str | None = None
    remark_corp_name: str | None = None
    remark_mobiles: tuple[str, ...] | None = field(default=None, repr=False)
    corp_tag_ids: tuple[str, ...] | None = None
    personal_tags: tuple[str, ...] | None = None
    add_way: int | None = None
    oper_userid: str | None = None
    add_state: str | None = None


EDITABLE = ("remark", "description", "remark_corp_name", "remark_mobiles", "corp_tag_ids", "personal_tags")
"""What a person may change later; the rest is set when the friendship starts."""


@dataclass(frozen=True)
class ObservedRelation:
    userid: UserId
    created_at: datetime | None
    notes: Notes


@dataclass(frozen=True)
class Profile:
    """The contact's own fields; None = not stated."""

    name: str | None = field(default=None, repr=False)
    type: int | None = None
    gender: int | None = None
    avatar: str | None = field(default=None, repr=False)
    position: str | None = None
    corp_name: str | None = None
    corp_full_name: str | None = None
    external_profile: Mapping[str, object] | None = None
    unionid: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Observed:
    """One read of a contact. `complete`: it shows every follower in sight, so absence means something."""

    external_userid: ExternalUserId
    profile: Profile | None
    relations: tuple[ObservedRelation, ...]
    observed_at: datetime
    complete: bool


def without_tags(observed: Observed, tag_ids: Collection[str]) -> Observed:
    """The read without these tags; the very same when it shows none of them."""

    def without(one: ObservedRelation) -> ObservedRelation:
        shown = one.notes.corp_tag_ids or ()
        left = tuple(tag for tag in shown if tag not in tag_ids)
        return one if len(left) == len(shown) else replace(one, notes=replace(one.notes, corp_tag_ids=left))

    relations = tuple(without(one) for one in observed.relations)
    same = all(new is old for new, old in zip(relations, observed.relations, strict=True))
    return observed if same else replace(observed, relations=relations)


@dataclass(frozen=True)
class Told:
    """The starts and ends of one relation that became facts."""

    starts: frozenset[datetime] = frozenset()
    ends: frozenset[End] = frozenset()

    def and_of(self, started: Iterable[Friendship], ended: Iterable[Friendship]) -> "Told":
        """With the starts of `started` and the ends of `ended`."""
        return Told(
            self.starts | {one.started_at for one in started if one.started_at},
            self.ends | {one.end for one in ended if one.end},
        )


@dataclass(frozen=True)
class Relation:
    """A relation as recorded: its friendships in time, its state, what it carries.

    `told` is what became facts of it; None when that is exactly what its friendships say. The two differ after late
    events: a friendship that was told as one may turn out to be two.
    """

    userid: UserId
    state: State
    friendships: tuple[Friendship, ...]
    half_at: datetime | None = None
    notes: Notes = Notes()
    told: Told | None = None

    @property
    def present(self) -> Friendship | None:
        """The friendship that lasts, if any."""
        last = self.friendships[-1] if self.friendships else None
        return last if last is not None and last.ended_at is None else None


@dataclass(frozen=True)
class Recorded:
    """What is stored of a contact; all empty for one that is new."""

    external_userid: ExternalUserId
    customer_id: CustomerId | None = None
    profile: Profile | None = None
    relations: Mapping[UserId, Relation] = field(default_factory=dict)


class Absence(StrEnum):
    """What a second look says of a relation that a complete read did not show."""

    ENDED = "ended"  # the member is in sight and does not follow the contact any more
    OUT_OF_SIGHT = "out_of_sight"  # the member is not in sight, so absence says nothing
    STILL_THERE = "still_there"


@dataclass(frozen=True, kw_only=True)
class RelationFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (CONTACT, "external_userid")
    userid: UserId
    external_userid: ExternalUserId


@dataclass(frozen=True, kw_only=True)
class RelationHalfAdded(RelationFact):
    """The customer asked to be a friend, and the associate has not confirmed it."""

    TYPE: ClassVar[str] = "relation_half_added"


@dataclass(frozen=True, kw_only=True)
class RelationStarted(RelationFact):
    """A friendship began. `evidenced`: an add event said so; else a read found it.

    `transfer_id`: a handover made it, and `takeover_done` tells the new owner.
    """

    TYPE: ClassVar[str] = "relation_started"
    evidenced: bool
    add_way: int | None = None
    add_state: str | None = None
    transfer_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class RelationEdited(RelationFact):
    """An associate changed what the relation carries; `changed` names the fields, never their content."""

    TYPE: ClassVar[str] = "relation_edited"
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RelationEndedFact(RelationFact):
    """A friendship ended. `evidenced`: an event said so; else two reads did not find it any more."""

    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class RelationLost(RelationEndedFact):
    """The customer removed the associate (LOSS-1)."""

    TYPE: ClassVar[str] = "relation_lost"


@dataclass(frozen=True, kw_only=True)
class RelationDeleted(RelationEndedFact):
    """The associate removed the customer (LOSS-1)."""

    TYPE: ClassVar[str] = "relation_deleted"


@dataclass(frozen=True, kw_only=True)
class RelationTransferred(RelationEndedFact):
    """WeCom took the customer from a handing-over associate: neither lost nor deleted (LOSS-1)."""

    TYPE: ClassVar[str] = "relation_transferred"


@dataclass(frozen=True, kw_only=True)
class RelationAssociateLeft(RelationEndedFact):
    """The associate left the corp: neither lost nor deleted (LOSS-1)."""

    TYPE: ClassVar[str] = "relation_associate_left"


@dataclass(frozen=True, kw_only=True)
class RelationOutOfSight(RelationFact):
    """Neither read nor event tells how it stands: the associate is not in the app's sight any more."""

    TYPE: ClassVar[str] = "relation_out_of_sight"


@dataclass(frozen=True, kw_only=True)
class RelationInSight(RelationFact):
    """A relation that was out of sight, or taken for ended by a read that was behind, is there again."""

    TYPE: ClassVar[str] = "relation_in_sight"


END_FACTS: Mapping[State, type[RelationEndedFact]] = {
    State.ENDED_BY_CUSTOMER: RelationLost,
    State.ENDED_BY_ASSOCIATE: RelationDeleted,
    State.TRANSFERRED: RelationTransferred,
    State.ASSOCIATE_LEFT: RelationAssociateLeft,
}
