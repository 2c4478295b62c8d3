"""Values of the timeline. Ids are kept, names are looked up when it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

KINDS = (
    *("friendship", "assignment", "standing", "handover", "edit", "tag", "chat", "event", "order", "note", "task"),
    *("merge", "pool", "stage", "company", "other"),
)
"""What entries are filtered by."""

OF_FACT = {
    "customer_assigned": "assignment",
    "customer_reassigned": "assignment",
    "customer_unassigned": "assignment",
    "customer_lost": "standing",
    "customer_deleted": "standing",
    "customer_returned": "standing",
    "customer_linked_to_company": "company",
    "customer_unlinked_from_company": "company",
    "customers_merged": "merge",
    "customers_parted": "merge",
    "relation_edited": "edit",
    "relation_edit_settled": "edit",
    "relation_tag_drift": "tag",
}
BY_PREFIX = (
    ("relation_", "friendship"),
    ("transfer_", "handover"),
    ("pool_", "pool"),
    ("stage_", "stage"),
    ("customer_stage_", "stage"),
    ("tag_", "tag"),
    ("customer_tag_", "tag"),
)


def kind_of_fact(type_: str) -> str:
    """A kind for every type, also for those that are yet to come."""
    if type_ in OF_FACT:
        return OF_FACT[type_]
    return next((kind for prefix, kind in BY_PREFIX if type_.startswith(prefix)), "other")


@dataclass(frozen=True)
class Place:
    """Where a page ended: entries come by time, then by source, then by key; the last two break ties."""

    at: datetime
    rank: int
    key: int | str


@dataclass(frozen=True)
class Entry:
    """One line. `what` says which of the words are meant; `values`: ids and codes that these are filled with.

    `source`: the kind of row it was read from. `by`: who or what brought it about. `text`: what a person wrote;
    `properties`: of an event.
    """

    place: Place
    kind: str
    what: str
    source: str
    values: Mapping[str, object]
    cause: str | None = None
    by: str | None = None
    text: str | None = field(default=None, repr=False)
    properties: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Names:
    """userid -> name, chat_id -> name, company_id -> name."""

    associates: Mapping[str, str]
    chats: Mapping[str, str]
    companies: Mapping[str, str]
