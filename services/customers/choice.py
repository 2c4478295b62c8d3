"""Which relations are meant: conditions that all must hold. Pure; `choosing.py` says the same to PostgreSQL."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.customers.model import Relation, State
from shared.ids import UserId

Text = Annotated[str, StringConstraints(min_length=1, max_length=128)]
MOST = 1000
"""Entries of a list."""
Texts = Annotated[tuple[Text, ...], Field(max_length=MOST)]


class Choice(BaseModel):
    """Friendships that last, and of those the ones for which every condition that is given holds; none given: all.

    `departments`: main departments of associates, without what lies under them. `added_since` and `added_before` are
    about the start of the present friendship. `assigned`: only the relation of the associate the customer is assigned
    to. `chats`: only of contacts who are in one of these group chats now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    userids: Texts = ()
    departments: Annotated[tuple[int, ...], Field(max_length=MOST)] = ()
    any_tags: Texts = ()
    all_tags: Texts = ()
    no_tags: Texts = ()
    added_since: AwareDatetime | None = None
    added_before: AwareDatetime | None = None
    assigned: bool = False
    chats: Texts = ()

    def stored(self) -> dict[str, object]:
        """What is given of it, as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)


def chooses(
    choice: Choice,
    relation: Relation,
    *,
    outlets: Mapping[UserId, int | None],
    assigned: UserId | None,
    chats: Collection[str] = (),
) -> bool:
    """Whether the relation is meant. `outlets`: associate -> main department; `chats`: where the contact is now."""
    tags = frozenset(relation.notes.corp_tag_ids or ())
    present = relation.present
    began = present.started_at if present is not None else None
    return (
        relation.state is State.ACTIVE
        and (not choice.userids or relation.userid in choice.userids)
        and (not choice.departments or outlets.get(relation.userid) in choice.departments)
        and (not choice.any_tags or not tags.isdisjoint(choice.any_tags))
        and tags.issuperset(choice.all_tags)
        and tags.isdisjoint(choice.no_tags)
        and (choice.added_since is None or (began is not None and began >= choice.added_since))
        and (choice.added_before is None or (began is not None and began < choice.added_before))
        and (not choice.assigned or relation.userid == assigned)
        and (not choice.chats or not set(choice.chats).isdisjoint(chats))
    )
