"""Values of the catalogue of corp tags.

Authority: shared, the last person to act (what people here want: `services.catalogue`); what reads show is recorded. A
name or an order that a read does not state stays as it was. A tag that WeCom deleted stays here as a tombstone, since
histories name it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from services.planning import Fact
from shared.ids import TagGroupId, TagId

TAG_CATALOGUE = "tag_catalogue"
"""Subject kind: all corp tags of a corp, since WeCom answers with all of them at once."""
CORP = "corp"
"""The one key of that kind."""
DELETED = "deleted"
"""Evidence kind: an event said that a tag or a group (`details["id"]`) was deleted."""


@dataclass(frozen=True)
class ObservedTag:
    tag_id: TagId
    name: str | None = None
    sort: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True)
class ObservedGroup:
    """A group with the tags that live in it; `tags` is None when the read does not say which."""

    group_id: TagGroupId
    name: str | None = None
    sort: int | None = None
    created_at: datetime | None = None
    tags: tuple[ObservedTag, ...] | None = None


@dataclass(frozen=True)
class SecondLook:
    """One group as a read by its id shows it: what lives of it (None: nothing), and the tags that WeCom calls deleted.

    `refused`: WeCom does not know the id at all.
    """

    group: ObservedGroup | None = None
    deleted: frozenset[TagId] = frozenset()
    refused: bool = False


@dataclass(frozen=True)
class Observed:
    """One read of all corp tags. `looks`: second looks at groups of which it lacked something; None before those."""

    groups: tuple[ObservedGroup, ...]
    observed_at: datetime
    looks: Mapping[TagGroupId, SecondLook] | None = None


@dataclass(frozen=True)
class Entry:
    """What tags and groups have in common as recorded.

    `shown_at` is the start of the first read that showed it since it was last gone. `missing_at`: reads lack it, but so
    much was lacking at once that a person must agree before it counts as deleted.
    """

    name: str | None
    sort: int | None
    created_at: datetime | None
    shown_at: datetime
    deleted_at: datetime | None = None
    missing_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Tag(Entry):
    tag_id: TagId
    group_id: TagGroupId


@dataclass(frozen=True, kw_only=True)
class TagGroup(Entry):
    group_id: TagGroupId


@dataclass(frozen=True)
class Catalogue:
    """All tags and groups as recorded, tombstones too."""

    groups: Mapping[TagGroupId, TagGroup] = field(default_factory=dict)
    tags: Mapping[TagId, Tag] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TagFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("tag", "tag_id")
    tag_id: str
    group_id: str


@dataclass(frozen=True, kw_only=True)
class TagCreated(TagFact):
    """A tag is there: a new one, or one that was gone and came back."""

    TYPE: ClassVar[str] = "tag_created"


@dataclass(frozen=True, kw_only=True)
class TagRenamed(TagFact):
    """A tag has another name; the name itself is in its row."""

    TYPE: ClassVar[str] = "tag_renamed"


@dataclass(frozen=True, kw_only=True)
class TagMoved(TagFact):
    """A tag is in another group now. WeCom says that this cannot be; should it happen, it is not lost."""

    TYPE: ClassVar[str] = "tag_moved"


@dataclass(frozen=True, kw_only=True)
class TagDeleted(TagFact):
    """`evidenced`: an event said so, of the tag or of its group, or we had it deleted; else reads did not show it."""

    TYPE: ClassVar[str] = "tag_deleted"
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class TagGroupFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("tag_group", "group_id")
    group_id: str


@dataclass(frozen=True, kw_only=True)
class TagGroupCreated(TagGroupFact):
    """A group of tags is there: a new one, or one that was gone and came back."""

    TYPE: ClassVar[str] = "tag_group_created"


@dataclass(frozen=True, kw_only=True)
class TagGroupRenamed(TagGroupFact):
    """A group of tags has another name; the name itself is in its row."""

    TYPE: ClassVar[str] = "tag_group_renamed"


@dataclass(frozen=True, kw_only=True)
class TagsReordered(TagGroupFact):
    """The tags of a group changed places."""

    TYPE: ClassVar[str] = "tags_reordered"


@dataclass(frozen=True, kw_only=True)
class TagGroupDeleted(TagGroupFact):
    """`evidenced` as in `TagDeleted`; also when events told of all its tags, since no group stays empty."""

    TYPE: ClassVar[str] = "tag_group_deleted"
    evidenced: bool


@dataclass(frozen=True, kw_only=True)
class TagGroupsReordered(Fact):
    """The groups changed places."""

    TYPE: ClassVar[str] = "tag_groups_reordered"
    SUBJECT: ClassVar[tuple[str, str]] = (TAG_CATALOGUE, "catalogue")
    catalogue: str = CORP
