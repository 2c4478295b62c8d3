"""Values of bulk changes: what can be asked for, how far it is, and what becomes of each customer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from services.intents.model import Source
from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, TenantId

MOST_TAGS = 20
"""Tags of one change."""
MOST_AT_ONCE, MOST_DELETED = 1_000_000, 100_000
CAUSED_BY = "bulk_change:"
"""What the cause of a change's facts begins with."""
UNDO = "undo"

Id = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]


class BulkRefusedError(TerminalError):
    """It cannot be asked for, or not now, or cannot go on; the text says why."""


class NoChangeError(TerminalError):
    """There is no such bulk change."""


class ConfirmationError(TerminalError):
    """What was typed does not confirm what would be done; `expected` does."""

    def __init__(self, count: int, expected: tuple[str, ...]) -> None:
        self.count, self.expected = count, expected
        super().__init__(f"this is about {count:,} customers now: to go on, type {' or '.join(expected)}")


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnFieldsWanted(_Wanted):
    """Own fields, set alike for everybody; null empties one."""

    kind: Literal["fields"]
    set: dict[str, Any] = Field(min_length=1)


class CorpTagsWanted(_Wanted):
    """WeCom tags: put on at the assigned associate's relation, taken off everywhere (TAG-2)."""

    kind: Literal["corp_tags"]
    add: tuple[Id, ...] = Field(default=(), max_length=MOST_TAGS)
    remove: tuple[Id, ...] = Field(default=(), max_length=MOST_TAGS)

    @model_validator(mode="after")
    def _something(self) -> "CorpTagsWanted":
        if not self.add and not self.remove:
            raise ValueError("nothing to add or remove")
        if set(self.add) & set(self.remove):
            raise ValueError("a tag is to be added and removed")
        return self


class LocalTagsWanted(_Wanted):
    """Local tags, named local:ID. `only`: group -> the tags of it that are to be there, and no other of the group."""

    kind: Literal["local_tags"]
    add: tuple[Id, ...] = Field(default=(), max_length=MOST_TAGS)
    remove: tuple[Id, ...] = Field(default=(), max_length=MOST_TAGS)
    only: dict[int, Annotated[tuple[Id, ...], Field(max_length=MOST_TAGS)]] = Field(default={}, max_length=MOST_TAGS)

    @model_validator(mode="after")
    def _something(self) -> "LocalTagsWanted":
        if not self.add and not self.remove and not self.only:
            raise ValueError("nothing to add, to remove or to leave")
        return self


class BlacklistWanted(_Wanted):
    """On the blacklist, or off it; the reason of the change stands there (CUS-10)."""

    kind: Literal["blacklist"]
    listed: bool


class AssignmentWanted(_Wanted):
    """Give everybody to one of their friends (ASG-4)."""

    kind: Literal["assignment"]
    to_userid: Id


class PoolWanted(_Wanted):
    """Share customers of the pool out evenly (POOL-4). `also_assigned`: who is assigned already changes hands, too."""

    kind: Literal["pool"]
    userids: tuple[Id, ...] = Field(min_length=1, max_length=2000)
    how: Literal["turns", "random"] = "turns"
    also_assigned: bool = False


class StageWanted(_Wanted):
    """Into a stage by hand; `stage_id` null: out of the line (STG-1)."""

    kind: Literal["stage"]
    line_id: int | None = Field(default=None, ge=1, le=2**63 - 1)
    stage_id: int | None = Field(default=None, ge=1, le=2**63 - 1)

    @model_validator(mode="after")
    def _something(self) -> "StageWanted":
        if self.line_id is None and self.stage_id is None:
            raise ValueError("name a stage, or the line to leave")
        return self


class ScoreWanted(_Wanted):
    """Add `amount`, which may be negative, to the score or the points (CUS-11)."""

    kind: Literal["score"]
    account: Literal["score", "points"]
    amount: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000, strict=True)]

    @model_validator(mode="after")
    def _something(self) -> "ScoreWanted":
        if self.amount == 0:
            raise ValueError("an amount of 0 changes nothing")
        return self


class DeletionWanted(_Wanted):
    """Delete the customers, for good."""

    kind: Literal["deletion"]


Wanted = Annotated[
    OwnFieldsWanted
    | LocalTagsWanted
    | CorpTagsWanted
    | BlacklistWanted
    | AssignmentWanted
    | PoolWanted
    | StageWanted
    | ScoreWanted
    | DeletionWanted,
    Field(discriminator="kind"),
]
_READER: TypeAdapter[Wanted] = TypeAdapter(Wanted)


def read_wanted(stored: object) -> Wanted:
    return _READER.validate_python(stored)


class ChangeState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class RowState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    SAME = "same"  # was as wanted already
    REFUSED = "refused"  # cannot be; the reason says why
    UNDONE = "undone"


class Why(StrEnum):
    """Reasons of rows."""

    GONE = "gone"  # deleted, or merged into another customer, since it was asked for
    FAILED = "failed"  # a fault of ours, which is in the log
    CHANGED_SINCE = "changed_since"  # by somebody else: an undo leaves that as it is
    NO_CONTACT = "no_contact"
    NO_FRIEND = "no_friend"  # of changes before tags could wait: there was nothing a tag could sit on
    NOT_A_FRIEND = "not_a_friend"
    ONE_FRIEND = "one_friend"
    NOT_IN_POOL = "not_in_pool"
    MOVED_ON = "moved_on"  # in the pool, but not (any more) to be given
    TOO_FEW = "too_few"  # points
    UNWANTED = "unwanted"  # what was to be changed to was deleted meanwhile
    CONTACT_STAYS = "contact_stays"  # ours is deleted; what WeCom shows of them stays


@dataclass(frozen=True)
class Change:
    """One bulk change. `wanted`: None of an undo. `filter`: as it was given; none of an undo."""

    tenant_id: TenantId
    id: int
    kind: str
    wanted: Wanted | None = field(repr=False)
    filter: Mapping[str, Any] | None = field(repr=False)
    reason: str = field(repr=False)
    author: str
    source: Source
    state: ChangeState
    total_count: int
    done_count: int
    same_count: int
    refused_count: int
    undoes: int | None
    job_id: int | None
    created_at: datetime
    finished_at: datetime | None
    forgotten_at: datetime | None

    @property
    def caused_by(self) -> str:
        return f"{CAUSED_BY}{self.id}"

    @property
    def over(self) -> bool:
        """Nothing of it happens any more; pushes of a cancelled one may still be followed to their end."""
        stopped = self.state is ChangeState.CANCELLED and self.job_id is None
        return self.state is ChangeState.DONE or stopped or self.finished_at is not None


@dataclass(frozen=True)
class Outcome:
    """What became of one customer. `before`: what an undo puts back."""

    customer_id: CustomerId
    state: RowState
    reason: str | None = None
    before: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Worked:
    """What came of a page."""

    outcomes: tuple[Outcome, ...]
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Obstacle:
    """A piece of SQL about `customer u`: the reason why it cannot be done, `same`, or null; its parameters' names start
    with `o_`."""

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview:
    """`hindered`: reason (or `same`) -> how many of the `count` would be left out, or as they are."""

    count: int
    sample: tuple[CustomerId, ...]
    hindered: Mapping[str, int]
    confirmations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BulkChangeFinished(Fact):
    """A bulk change of customers is over: done or cancelled. Numbers are of customers."""

    TYPE: ClassVar[str] = "bulk_change_finished"
    SUBJECT: ClassVar[tuple[str, str]] = ("bulk_change", "change_id")
    change_id: int
    kind: str
    outcome: str
    done_count: int
    same_count: int
    refused_count: int
