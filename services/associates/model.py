"""Values of the directory. Authority: WeCom; evidence for joining, leaving and a new userid.

A field that WeCom withholds never empties what is known. Not in sight is not gone: only what says so itself ends
somebody's time with the corp.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.ids import UserId

ASSOCIATE = "associate"
"""Subject kind: one member, by userid."""
OUTLET = "outlet"
"""Subject kind: one department, by id in decimal."""

LEFT = 5
"""Status of a member who has left. Source: WeCom server API, reading a member (page 96255)."""


class EvidenceKind(StrEnum):
    """What an event says and no read can tell."""

    CREATED = "created"
    DELETED = "deleted"
    RENAMED = "renamed"  # of the old userid: the details name the new one
    RENAMED_FROM = "renamed_from"  # of the new userid: the details name the old one


@dataclass(frozen=True)
class Evidence:
    """One statement of an event about a member or a department, at the event's own time."""

    kind: EvidenceKind
    occurred_at: datetime
    other: UserId | None = None
    """The other userid of a renaming."""
    caused_by: str | None = None


class Absence(StrEnum):
    """Why a read shows nothing of somebody or something."""

    HIDDEN = "hidden"  # it is there, but not in the app's sight
    UNKNOWN = "unknown"  # "no such", which an app is also told of whom it may not see
    NOWHERE = "nowhere"  # contact sync, which sees everybody, does not know it either
    ELSEWHERE = "elsewhere"  # contact sync knows it: the corp has it, and the app may not see it


@dataclass(frozen=True)
class Associate:
    """An associate's outlet is their main department (ASG-11). None = not stated."""

    userid: UserId
    name: str | None = field(default=None, repr=False)
    main_department_id: int | None = None
    department_ids: tuple[int, ...] | None = None
    leader_in: tuple[int, ...] | None = None
    direct_leaders: tuple[str, ...] | None = None
    status: int | None = None


@dataclass(frozen=True)
class ObservedAssociate:
    """One read of a member: the member, or why it shows none."""

    userid: UserId
    observed_at: datetime
    associate: Associate | None = None
    absence: Absence | None = None


@dataclass(frozen=True)
class RecordedAssociate:
    """An associate as recorded.

    `seen_at` is the start of the latest read that mattered and showed them, None for one known by id only.
    `joined_at` is set once they were told as new. `renamed_to` marks what is left of an old userid.
    """

    associate: Associate
    observed_at: datetime
    seen_at: datetime | None = None
    in_sight: bool = True
    has_contact: bool = False
    joined_at: datetime | None = None
    gone_at: datetime | None = None
    renamed_to: UserId | None = None

    @property
    def present(self) -> bool:
        return self.gone_at is None and self.renamed_to is None


@dataclass(frozen=True)
class Outlet:
    department_id: int
    name: str | None = None
    parent_id: int | None = None
    sort: int | None = None
    leaders: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ObservedOutlet:
    """One read of a department: the department, or why it shows none."""

    department_id: int
    observed_at: datetime
    outlet: Outlet | None = None
    absence: Absence | None = None


@dataclass(frozen=True)
class RecordedOutlet:
    """An outlet as recorded; `added_at` is set once it was told as new."""

    outlet: Outlet
    observed_at: datetime
    in_sight: bool = True
    added_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True)
class Alias:
    """From `renamed_at` on a member had another userid; from `ended_at` on the old one is somebody else's."""

    old_userid: UserId
    new_userid: UserId
    renamed_at: datetime
    recorded_at: datetime
    ended_at: datetime | None = None


def current_userid(userid: UserId, at: datetime, aliases: Iterable[Alias]) -> UserId:
    """Who is meant by an event of the time `at` that names `userid`: its member may have been renamed since."""
    for alias in sorted(aliases, key=lambda one: one.renamed_at):
        if alias.old_userid == userid and (alias.ended_at is None or at < alias.ended_at):
            return alias.new_userid
    return userid


@dataclass(frozen=True)
class Renaming:
    """What an event says of a member's new userid."""

    old: UserId
    new: UserId
    at: datetime
    caused_by: str | None = None


def renamings_of(evidence: Mapping[str, Sequence[Evidence]], aliases: Iterable[Alias]) -> list[Renaming]:
    """What events say of new userids, without what was carried out; oldest first."""
    done = {(alias.old_userid, alias.renamed_at) for alias in aliases}
    found = set()
    for key, items in evidence.items():
        for item in items:
            if item.other and item.kind is EvidenceKind.RENAMED:
                found.add(Renaming(UserId(key), item.other, item.occurred_at, item.caused_by))
            elif item.other and item.kind is EvidenceKind.RENAMED_FROM:
                found.add(Renaming(item.other, UserId(key), item.occurred_at, item.caused_by))
    return sorted((one for one in found if (one.old, one.at) not in done), key=lambda one: (one.at, one.old))


def department_key(text: str) -> str | None:
    """A department's id as the key of its subject; None when it is no id."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) < 2**32 and len(text) <= 11):
        return None
    return str(int(text))


@dataclass(frozen=True, kw_only=True)
class AssociateFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (ASSOCIATE, "userid")
    userid: UserId


@dataclass(frozen=True, kw_only=True)
class AssociateJoined(AssociateFact):
    """Somebody is new in the corp. `evidenced`: an event said so; else a full pass found them."""

    TYPE: ClassVar[str] = "associate_joined"
    evidenced: bool
    main_department_id: int | None


@dataclass(frozen=True, kw_only=True)
class AssociateReturned(AssociateFact):
    """Somebody who had left is there again, under the same userid."""

    TYPE: ClassVar[str] = "associate_returned"


@dataclass(frozen=True, kw_only=True)
class AssociateLeft(AssociateFact):
    """Somebody left the corp (TRF-2). `evidenced`: an event or WeCom's list of leavers said when."""

    TYPE: ClassVar[str] = "associate_left"
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class AssociateMoved(AssociateFact):
    """Outlets or leaders changed; `changed` names the fields, from_ and to_ hold ids. A first look is no move."""

    TYPE: ClassVar[str] = "associate_moved"
    changed: tuple[str, ...]
    from_main_department_id: int | None
    to_main_department_id: int | None
    from_department_ids: tuple[int, ...] | None
    to_department_ids: tuple[int, ...] | None
    from_leader_in: tuple[int, ...] | None
    to_leader_in: tuple[int, ...] | None
    from_direct_leaders: tuple[str, ...] | None
    to_direct_leaders: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class AssociateRenamed(AssociateFact):
    """A member has another userid; `userid` is the new one."""

    TYPE: ClassVar[str] = "associate_renamed"
    old_userid: UserId


@dataclass(frozen=True, kw_only=True)
class AssociateOutOfSight(AssociateFact):
    """The app may not read them any more, and nothing says that they left."""

    TYPE: ClassVar[str] = "associate_out_of_sight"


@dataclass(frozen=True, kw_only=True)
class AssociateInSight(AssociateFact):
    """The app may read them again."""

    TYPE: ClassVar[str] = "associate_in_sight"


@dataclass(frozen=True, kw_only=True)
class OutletFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = (OUTLET, "department_id")
    department_id: int


@dataclass(frozen=True, kw_only=True)
class OutletAdded(OutletFact):
    """A department is new. `evidenced`: an event said so; else a full pass found it."""

    TYPE: ClassVar[str] = "outlet_added"
    evidenced: bool
    parent_id: int | None


@dataclass(frozen=True, kw_only=True)
class OutletChanged(OutletFact):
    """`changed` names the fields, never their content."""

    TYPE: ClassVar[str] = "outlet_changed"
    changed: tuple[str, ...]
    from_parent_id: int | None
    to_parent_id: int | None


@dataclass(frozen=True, kw_only=True)
class OutletRemoved(OutletFact):
    """A department is gone. `evidenced`: an event said so; else reads did not show it any more."""

    TYPE: ClassVar[str] = "outlet_removed"
    evidenced: bool
