"""The catalogue as it is shown: what lives, with the open wishes laid over it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import cast

from services.catalogue.model import GONE, NAME, NEW, SORT, NewTag, new_tag, target_of, what_of
from services.intents.model import Intent
from services.tags.model import Catalogue, Observed

OURS = "new:"
"""Ids of what is not made yet begin so: WeCom has not named it."""


@dataclass(frozen=True)
class Item:
    """A tag, or a group (`group_id` is "" then). `pending`: a wish for it is open."""

    id: str
    name: str | None = field(repr=False)
    sort: int | None
    group_id: str = ""
    pending: bool = False


@dataclass
class View:
    groups: dict[str, Item] = field(default_factory=dict)
    tags: dict[str, Item] = field(default_factory=dict)

    @classmethod
    def of_read(cls, observed: Observed) -> "View":
        view = cls()
        for group in observed.groups:
            view.groups[group.group_id] = Item(group.group_id, group.name, group.sort)
            for tag in group.tags or ():
                view.tags[tag.tag_id] = Item(tag.tag_id, tag.name, tag.sort, group.group_id)
        return view

    @classmethod
    def of_rows(cls, catalogue: Catalogue) -> "View":
        groups = (one for one in catalogue.groups.values() if one.deleted_at is None)
        tags = (one for one in catalogue.tags.values() if one.deleted_at is None)
        return cls(
            {one.group_id: Item(one.group_id, one.name, one.sort) for one in groups},
            {one.tag_id: Item(one.tag_id, one.name, one.sort, one.group_id) for one in tags},
        )

    def with_wishes(self, intents: Iterable[Intent]) -> "View":
        for one in intents:
            self.lay(one)
        return self

    def get(self, id_: str) -> Item | None:
        return self.tags.get(id_) or self.groups.get(id_)

    def tags_of(self, group_id: str) -> list[Item]:
        """In the order in which they are shown."""
        return _in_order(one for one in self.tags.values() if one.group_id == group_id)

    def in_order(self) -> list[Item]:
        """The groups."""
        return _in_order(self.groups.values())

    def named(self, name: str, *, group_id: str = "") -> Item | None:
        """The tag of this name in a group, or the group of this name."""
        among = self.tags.values() if group_id else self.groups.values()
        return next((one for one in among if one.name == name and one.group_id == group_id), None)

    def group_of(self, new: NewTag) -> Item | None:
        """Where a tag is to be made; None: the group is to be made as well, or is not there any more."""
        return self.groups.get(new.group_id) if new.group_id else self.named(new.group_name)

    def lay(self, intent: Intent) -> None:
        """Show what an open intent wants."""
        what, id_ = what_of(intent), target_of(intent)
        if what == NEW:
            self._add(id_, new_tag(intent))
        elif what == GONE:
            self.drop(id_)
        elif what == NAME:
            self._change(id_, name=str(intent.desired))
        elif what == SORT:
            self._change(id_, sort=cast(int, intent.desired))

    def drop(self, id_: str) -> None:
        """With its last tag goes a group, and with a group go its tags."""
        tag = self.tags.pop(id_, None)
        group_id = id_ if tag is None else tag.group_id
        if tag is None or not self.tags_of(group_id):
            self.groups.pop(group_id, None)
            self.tags = {one: item for one, item in self.tags.items() if item.group_id != group_id}

    def _add(self, id_: str, new: NewTag) -> None:
        group = self.group_of(new)
        if group is None and not new.group_id:
            group = Item(f"{OURS}{id_}", new.group_name, new.group_sort, pending=True)
            self.groups[group.id] = group
        if group is not None and self.named(new.name, group_id=group.id) is None:
            self.tags[f"{OURS}{id_}"] = Item(f"{OURS}{id_}", new.name, new.sort, group.id, pending=True)

    def _change(self, id_: str, *, name: str | None = None, sort: int | None = None) -> None:
        items = self.tags if id_ in self.tags else self.groups
        if (before := items.get(id_)) is not None:
            name, sort = before.name if name is None else name, before.sort if sort is None else sort
            items[id_] = replace(before, name=name, sort=sort, pending=True)


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda one: (-(one.sort or 0), one.name or "", one.id))
