"""Values of local tags. Authority: ours; WeCom never sees them. In lists beside corp tags they are named `local:ID`."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, UserId

Of = Literal["customer", "chat"]
"""What the tags of a group are for."""
LOCAL = "local:"
LOCAL_ID = re.compile(r"local:([1-9][0-9]{0,17})\Z")
LOCAL_TAG = "local_tag"
MOST_GROUPS, MOST_TAGS = 500, 5000
"""Of a corp, for each of customers and chats."""


class Kind(StrEnum):
    MANUAL = "manual"
    AUTOMATIC = "automatic"


class TagRefusedError(TerminalError):
    """The catalogue cannot be so, or nobody may give this tag by hand; the text says why."""


class NoTagError(TerminalError):
    """There is no such tag or group for whoever asks: none, deleted, or not theirs to see (TAG-4)."""


@dataclass(frozen=True)
class Viewer:
    """Who looks. None: somebody who sees every group, such as a key that is bound to nobody."""

    userid: UserId | None = None


ALL_SEEING = Viewer()


@dataclass(frozen=True)
class Tag:
    id: int
    group_id: int
    kind: Kind
    name: str
    position: int

    @property
    def key(self) -> str:
        """As it stands beside corp tags."""
        return f"{LOCAL}{self.id}"


@dataclass(frozen=True)
class Group:
    """`visible_to` None: everybody."""

    id: int
    name: str
    position: int
    visible_to: tuple[UserId, ...] | None = None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Tagging:
    """Tags that customers are to have afterwards, and tags that they are not to have."""

    give: tuple[int, ...] = ()
    take: tuple[int, ...] = ()


def local_id(tag: str) -> int | None:
    """The number of a local tag; None for a corp tag."""
    found = LOCAL_ID.match(tag)
    return int(found[1]) if found else None


@dataclass(frozen=True, kw_only=True)
class CustomerTagged(Fact):
    """Local tags of one customer changed (TAG-3). The ids are numbers of ours."""

    TYPE: ClassVar[str] = "customer_tagged"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    added_tag_ids: tuple[int, ...]
    removed_tag_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LocalTagGiven(Fact):
    """Many customers who did not have a local tag got it at once (TAG-3); several of these tell of one job."""

    TYPE: ClassVar[str] = "local_tag_given"
    SUBJECT: ClassVar[tuple[str, str]] = (LOCAL_TAG, "tag_id")
    tag_id: int
    customer_ids: tuple[CustomerId, ...]


@dataclass(frozen=True, kw_only=True)
class LocalTagTaken(Fact):
    """Many customers who had a local tag lost it at once (TAG-3); several of these tell of one job."""

    TYPE: ClassVar[str] = "local_tag_taken"
    SUBJECT: ClassVar[tuple[str, str]] = (LOCAL_TAG, "tag_id")
    tag_id: int
    customer_ids: tuple[CustomerId, ...]


@dataclass(frozen=True, kw_only=True)
class LocalTagDeleted(Fact):
    """A local tag is gone for good, and nobody has it any more; no fact tells of each who had it."""

    TYPE: ClassVar[str] = "local_tag_deleted"
    SUBJECT: ClassVar[tuple[str, str]] = (LOCAL_TAG, "tag_id")
    tag_id: int
    group_id: int
