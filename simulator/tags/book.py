"""The tags of a corp, in their groups, and the tombstones of deleted ones.

Relations keep the ids of deleted tags; every read leaves those out (`seen`), so that deleting a tag that
a hundred thousand customers carry costs nothing.
Source: WeCom server API, corp tags (page 92117), tags of rule groups (page 94882).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

BY_A_PERSON = 0
CORP_TAG, PERSONAL_TAG, RULE_TAG = 1, 2, 3


@dataclass(slots=True, eq=False)
class Tag:
    """`creator` is the agent id of the app that made it, 0 for a person; larger `order` comes first."""

    tag_id: str
    name: str
    group: "TagGroup"
    created_at: int
    order: int = 0
    creator: int = BY_A_PERSON
    deleted: bool = False


@dataclass(slots=True, eq=False)
class TagGroup:
    """`tags` has deleted ones, too. `strategy_id` is the rule group's, 0 for a group of corp tags."""

    group_id: str
    name: str
    created_at: int
    order: int = 0
    creator: int = BY_A_PERSON
    strategy_id: int = 0
    deleted: bool = False
    tags: list[Tag] = field(default_factory=list)
    taken: dict[str, Tag] = field(default_factory=dict)

    def living(self) -> list[Tag]:
        return sorted((tag for tag in self.tags if not tag.deleted), key=lambda tag: -tag.order)


def new_id(*, rule: bool, kind: str) -> str:
    return f"{'st' if rule else 'et'}Sim{kind}{secrets.token_hex(13)}"


@dataclass
class TagBook:
    """`gone` are deleted tags that reads no longer show on customers; `count` is how many tags live."""

    groups: dict[str, TagGroup] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    count: int = 0
    _by_name: dict[tuple[int, str], TagGroup] = field(default_factory=dict)

    def living(self, *, strategy_id: int = 0) -> list[TagGroup]:
        """The groups of corp tags, or of one rule group, larger `order` first."""
        found = [item for item in self.groups.values() if not item.deleted and item.strategy_id == strategy_id]
        return sorted(found, key=lambda group: -group.order)

    def group(self, group_id: str) -> TagGroup | None:
        """A living group."""
        group = self.groups.get(group_id)
        return None if group is None or group.deleted else group

    def group_named(self, name: str, *, strategy_id: int = 0) -> TagGroup | None:
        return self._by_name.get((strategy_id, name))

    def tag(self, tag_id: str) -> Tag | None:
        """A living tag."""
        tag = self.tags.get(tag_id)
        return None if tag is None or tag.deleted else tag

    def add_group(
        self,
        name: str,
        *,
        at: int,
        order: int = 0,
        creator: int = BY_A_PERSON,
        strategy_id: int = 0,
        group_id: str = "",
    ) -> TagGroup:
        group = TagGroup(group_id or new_id(rule=strategy_id > 0, kind="g"), name, at, order, creator, strategy_id)
        self.groups[group.group_id] = group
        self._by_name[strategy_id, name] = group
        return group

    def add_tag(
        self, group: TagGroup, name: str, *, at: int, order: int = 0, creator: int = BY_A_PERSON, tag_id: str = ""
    ) -> Tag:
        tag = Tag(tag_id or new_id(rule=group.strategy_id > 0, kind="t"), name, group, at, order, creator)
        self._replace(tag.tag_id)
        group.tags.append(tag)
        group.taken[name] = tag
        self.tags[tag.tag_id] = tag
        self.count += 1
        return tag

    def _replace(self, tag_id: str) -> None:
        """A tag that is configured anew has no tombstone any more."""
        earlier = self.tags.get(tag_id)
        if earlier is not None:
            earlier.group.tags.remove(earlier)
        self.gone.discard(tag_id)

    def forget(self, tag_ids: Iterable[str]) -> None:
        """From now on reads do not show the deleted ones on customers."""
        self.gone.update(item for item in tag_ids if self.tag(item) is None)

    def put(self, tag_id: str, name: str, *, group_name: str, at: int, creator: int = BY_A_PERSON) -> None:
        """Configure one tag by its id: made, or renamed where it is."""
        known = self.tag(tag_id)
        if known is not None:
            self.rename(known, name)
            return
        group = self.group_named(group_name) or self.add_group(group_name, at=at, creator=creator)
        self.add_tag(group, name, at=at, creator=creator, tag_id=tag_id)

    def rename(self, item: Tag | TagGroup, name: str) -> None:
        if isinstance(item, Tag):
            item.group.taken.pop(item.name, None)
            item.group.taken[name] = item
        else:
            self._by_name.pop((item.strategy_id, item.name), None)
            self._by_name[item.strategy_id, name] = item
        item.name = name

    def delete(self, item: Tag | TagGroup) -> list[str]:
        """Bury a tag, or a group with all its tags; a group's last tag takes the group along. Returns the tags' ids."""
        group, doomed = (item.group, [item]) if isinstance(item, Tag) else (item, item.living())
        for tag in doomed:
            tag.deleted = True
            group.taken.pop(tag.name, None)
        self.count -= len(doomed)
        if not group.taken:
            group.deleted = True
            self._by_name.pop((group.strategy_id, group.name), None)
        return [tag.tag_id for tag in doomed]

    def seen(self, tag_ids: Iterable[str]) -> list[str]:
        """The tags of a relation as reads show them: without those that have been deleted long enough."""
        return [tag_id for tag_id in tag_ids if tag_id not in self.gone] if self.gone else list(tag_ids)

    def face(self, tag_id: str) -> tuple[str, str, int]:
        """Group name, tag name and type of a tag that a customer carries, be it known, deleted or neither."""
        tag = self.tags.get(tag_id)
        if tag is None:
            return "", tag_id, CORP_TAG
        return tag.group.name, tag.name, RULE_TAG if tag.group.strategy_id else CORP_TAG

    def ids(self) -> list[str]:
        """The living corp tags."""
        return [tag.tag_id for group in self.living() for tag in group.living()]
