"""Corp tags and rule-group tags. Absent from an unfiltered read means deleted; only filtered reads say `deleted`."""

from dataclasses import dataclass, field

from shared.wecom.payloads.reading import AN_ID, IDENTITY, called


@dataclass(frozen=True)
class Tag:
    """`create_time` is Unix seconds; a larger `order` sorts first."""

    tag_id: str = field(metadata=called("id", identity=True) | AN_ID)
    name: str | None
    create_time: int | None
    order: int | None
    deleted: bool | None


@dataclass(frozen=True)
class TagGroup:
    """`strategy_id` is of rule-group tags. After an addition, `tags` holds the new ones only."""

    group_id: str = field(metadata=IDENTITY | AN_ID)
    group_name: str | None
    create_time: int | None
    order: int | None
    deleted: bool | None
    strategy_id: int | None
    tags: tuple[Tag, ...] | None = field(metadata=called("tag"))


@dataclass(frozen=True)
class NewTag:
    """A tag to add; a name that comes twice is created once."""

    name: str
    order: int | None = None
