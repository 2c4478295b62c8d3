"""Bodies, paths and queries about custom fields, local tags and the blacklist, as they are sent."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from console.api import examples_records as examples
from console.api.asked import Cursor, FieldKey, IdentityIn, Limit
from console.api.fields import Body, Id, Number
from services.blacklist.model import LONGEST_REASON
from services.fields.model import MOST_FIELDS, MOST_LEVELS, MOST_OPTIONS, Kind
from services.local_tags.model import LOCAL_ID, MOST_GROUPS, MOST_TAGS
from services.local_tags.model import Kind as TagKind

MOST_AT_ONCE = 1000


def _written(value: str) -> str:
    name = " ".join(value.split())
    if not name or any(ord(one) < 32 or ord(one) == 127 for one in name):
        raise ValueError("must have letters, and no control characters")
    return name


Title = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_written)]
"""A name that people give to a thing."""
Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON), AfterValidator(_written)]
LocalTagId = Annotated[
    str, Field(pattern=LOCAL_ID.pattern.replace(r"\Z", "$"), json_schema_extra={"example": "local:1"})
]
Switch = Annotated[bool, Field(strict=True)]


class OptionIn(Body):
    """`id` of one that is there; without it a new option, whose id is made here unless you give one that is free."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")] | None = None
    name: Title
    withdrawn: Switch = False
    options: list["OptionIn"] = Field(default=[], max_length=MOST_OPTIONS, description="Of a cascade's next level")


def _deep_enough(options: Sequence[OptionIn], levels: int = MOST_LEVELS) -> None:
    level = list(options)
    for _ in range(levels):
        level = [below for one in level for below in one.options]
    if level:
        raise ValueError(f"options of a cascade have {MOST_LEVELS} levels at most")


class _FieldParts(Body):
    options: list[OptionIn] | None = Field(
        default=None, max_length=MOST_OPTIONS, description="All of them, in order; those left out are withdrawn"
    )
    personal: Switch | None = Field(
        default=None, description="Nobody filters by it, and it is masked; by default true of texts, else false"
    )
    required_of_customer: Switch | None = None
    required_of_pool: Switch | None = None
    in_pool_list: Switch | None = Field(default=None, description="Of three fields at most (CUS-1)")
    enabled: Switch | None = Field(default=None, description="Switched off: values stay, and are not shown")

    @model_validator(mode="after")
    def _levels(self) -> "_FieldParts":
        _deep_enough(self.options or [])
        return self


class FieldBody(_FieldParts):
    model_config = ConfigDict(json_schema_extra={"example": examples.FIELD})
    key: FieldKey = Field(description="For ever: values lie under it")
    name: Title
    kind: Kind


class FieldEditBody(_FieldParts):
    model_config = ConfigDict(json_schema_extra={"example": examples.FIELD_EDIT})
    name: Title | None = None


class FieldPath(Body):
    key: FieldKey


class FieldOrderBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.FIELD_ORDER})
    keys: list[FieldKey] = Field(min_length=1, max_length=MOST_FIELDS, description="These come first, in this order")


class GroupBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.GROUP})
    name: Title
    visible_to: list[Id] | None = Field(
        default=None, max_length=1000, description="userids; without it, or null, everybody (TAG-4)"
    )


class GroupEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.GROUP_EDIT})
    name: Title | None = None
    visible_to: list[Id] | None = Field(default=None, max_length=1000, description="null: everybody; absent: as it is")


class TagBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG})
    name: Title
    kind: TagKind = Field(default=TagKind.MANUAL, description="automatic: rules give and take it, nobody by hand")


class TagEditBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG_EDIT})
    name: Title


class GroupOrderBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.GROUP_ORDER})
    group_ids: list[Number] = Field(min_length=1, max_length=MOST_GROUPS, description="These come first, in this order")


class TagOrderBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG_ORDER})
    tag_ids: list[LocalTagId] = Field(min_length=1, max_length=MOST_TAGS, description="These come first, in this order")


class NumberPath(Body):
    id: Number = Field(json_schema_extra={"example": 1})


class OnlyIn(Body):
    group_id: Number
    tag_ids: list[LocalTagId] = Field(max_length=100, description="Of this group, these and no others; may be none")


class TagManyBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.TAG_MANY})
    customer_ids: list[Number] = Field(min_length=1, max_length=MOST_AT_ONCE)
    add: list[LocalTagId] = Field(default=[], max_length=100)
    remove: list[LocalTagId] = Field(default=[], max_length=100)
    only: list[OnlyIn] = Field(default=[], max_length=20, description="Replaces what customers have of these groups")

    @model_validator(mode="after")
    def _something(self) -> "TagManyBody":
        if not self.add and not self.remove and not self.only:
            raise ValueError("nothing to add, remove or replace")
        return self


class ListBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.BLACKLISTED})
    reason: Reason


class UnlistBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.UNBLACKLISTED})
    reason: Reason


class BlacklistQuery(Body):
    cursor: Cursor | None = None
    limit: Limit = 100
    ended: bool = Field(default=False, description="Instead of who is on the list: entries that have ended")


class CheckBody(Body):
    model_config = ConfigDict(json_schema_extra={"example": examples.CHECK})
    customer_ids: list[Number] = Field(default=[], max_length=MOST_AT_ONCE)
    identities: list[IdentityIn] = Field(default=[], max_length=MOST_AT_ONCE)

    @model_validator(mode="after")
    def _some(self) -> "CheckBody":
        if not 1 <= len(self.customer_ids) + len(self.identities) <= MOST_AT_ONCE:
            raise ValueError(f"name 1 to {MOST_AT_ONCE} customers")
        return self
