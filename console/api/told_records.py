"""Bodies about custom fields, local tags and the blacklist, as they are answered."""

from datetime import datetime

from pydantic import BaseModel

from console.api.personal import Words


class OptionOut(BaseModel):
    """`withdrawn`: nobody can choose it any more; who has it keeps it."""

    id: str
    name: str
    withdrawn: bool
    options: list["OptionOut"]


class CustomFieldOut(BaseModel):
    key: str
    name: str
    kind: str
    options: list[OptionOut]
    personal: bool
    required_of_customer: bool
    required_of_pool: bool
    in_pool_list: bool
    enabled: bool


class CustomFieldsOut(BaseModel):
    """In their order."""

    fields: list[CustomFieldOut]


class LocalTagOut(BaseModel):
    tag_id: str
    name: str
    kind: str


class LocalGroupOut(BaseModel):
    """`visible_to` null: everybody."""

    group_id: int
    name: str
    visible_to: list[str] | None
    tags: list[LocalTagOut]


class LocalTagsOut(BaseModel):
    """Groups that the caller may see, in their order."""

    groups: list[LocalGroupOut]


class TaggedManyOut(BaseModel):
    """`customer_count`: how many there are of those named. Tag -> customers who have it, or not, since now."""

    customer_count: int
    added: dict[str, int]
    removed: dict[str, int]


class EntryOut(BaseModel):
    entry_id: int
    customer_id: int
    reason: Words
    added_at: datetime
    added_by: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: Words | None


class EntriesOut(BaseModel):
    """Newest first."""

    entries: list[EntryOut]
    next_cursor: str | None = None


class CheckedCustomerOut(BaseModel):
    customer_id: int
    blacklisted: bool


class CheckedIdentityOut(BaseModel):
    """`n`: its place in what was asked. True when anybody who has it is on the list."""

    n: int
    blacklisted: bool


class CheckedOut(BaseModel):
    customers: list[CheckedCustomerOut]
    identities: list[CheckedIdentityOut]
