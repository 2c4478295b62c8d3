"""What people do with tags in the console: each of it has its callback, with the id and no name.

Source: WeCom server API, customer events (page 92130).
"""

from typing import Any

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.events import Event
from simulator.records import Corp
from simulator.tags.book import Tag, TagBook, TagGroup
from simulator.tags.rules import MOST_TAGS, bury
from simulator.world import World

FAMILY = "change_external_tag"


def _event(corp: Corp, change_type: str, item: Tag | TagGroup, *, at: int) -> Event:
    """Id and TagType stand before ChangeType in this family."""
    kind, identity = ("tag", item.tag_id) if isinstance(item, Tag) else ("tag_group", item.group_id)
    return Event(corp.corp_id, FAMILY, change_type, at, (), before=(("Id", identity), ("TagType", kind)))


def _shuffled(corp: Corp, group_id: str, *, at: int) -> Event:
    """An empty Id means that the groups changed places."""
    return Event(corp.corp_id, FAMILY, "shuffle", at, (), before=(("Id", group_id),))


def _group(corp: Corp, order: Order) -> TagGroup:
    found = corp.book(TagBook).group(str(order["group_id"]))
    if found is None:
        raise ImpossibleError(f"no such tag group: {order['group_id']}")
    return found


def _tag(corp: Corp, tag_id: Any) -> Tag:
    found = corp.book(TagBook).tag(str(tag_id))
    if found is None:
        raise ImpossibleError(f"no such tag: {tag_id}")
    return found


def _check_new(corp: Corp, names: list[str], *, taken: Any) -> None:
    doubled = [name for name in names if name in taken]
    if doubled or len(set(names)) < len(names):
        raise ImpossibleError(f"the name is taken: {', '.join(doubled or names)}")
    if corp.book(TagBook).count + len(names) > MOST_TAGS:
        raise ImpossibleError("the corp has as many tags as it can have")


def create_tag_group(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """A group saved together with its tags: one event each, all of one second."""
    book, names = corp.book(TagBook), [str(item) for item in order["tags"]]
    if not names:
        raise ValueError("a group needs a tag")
    if book.group_named(str(order["group_name"])) is not None:
        raise ImpossibleError(f"the name is taken: {order['group_name']}")
    _check_new(corp, names, taken=())
    group = book.add_group(str(order["group_name"]), at=at, order=int(order.get("order", 0)))
    tags = [book.add_tag(group, name, at=at) for name in names]
    events = (_event(corp, "create", group, at=at), *(_event(corp, "create", tag, at=at) for tag in tags))
    return Outcome({"group_id": group.group_id, "tag_ids": [tag.tag_id for tag in tags]}, events)


def create_tag(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    group, name = _group(corp, order), str(order["name"])
    _check_new(corp, [name], taken=group.taken)
    tag = corp.book(TagBook).add_tag(group, name, at=at, order=int(order.get("order", 0)))
    return Outcome({"tag_id": tag.tag_id}, (_event(corp, "create", tag, at=at),))


def rename_tag(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    tag, name = _tag(corp, order["tag_id"]), str(order["name"])
    _check_new(corp, [name], taken=tag.group.taken.keys() - {tag.name})
    corp.book(TagBook).rename(tag, name)
    return Outcome({}, (_event(corp, "update", tag, at=at),))


def rename_tag_group(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    book, group, name = corp.book(TagBook), _group(corp, order), str(order["name"])
    if book.group_named(name, strategy_id=group.strategy_id) not in (None, group):
        raise ImpossibleError(f"the name is taken: {name}")
    book.rename(group, name)
    return Outcome({}, (_event(corp, "update", group, at=at),))


def delete_tag(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """A group's last tag takes the group along; only the tag's event tells of it."""
    tag = _tag(corp, order["tag_id"])
    bury(world, corp.book(TagBook), tag)
    return Outcome({}, (_event(corp, "delete", tag, at=at),))


def delete_tag_group(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """One event, however many tags there were."""
    group = _group(corp, order)
    bury(world, corp.book(TagBook), group)
    return Outcome({}, (_event(corp, "delete", group, at=at),))


def reorder_tags(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """Put a group's tags into the order of `tag_ids`; those not named follow."""
    group = _group(corp, order)
    first = [_tag(corp, item) for item in order["tag_ids"]]
    if any(tag.group is not group for tag in first):
        raise ImpossibleError("a tag of another group")
    tags = first + [tag for tag in group.living() if tag not in first]
    for place, tag in enumerate(reversed(tags), start=1):
        tag.order = place
    return Outcome({}, (_shuffled(corp, group.group_id, at=at),))


def reorder_tag_groups(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    first = [_group(corp, {"group_id": item}) for item in order["group_ids"]]
    groups = first + [group for group in corp.book(TagBook).living() if group not in first]
    for place, group in enumerate(reversed(groups), start=1):
        group.order = place
    return Outcome({}, (_shuffled(corp, "", at=at),))


ACTS = {
    "create_tag_group": create_tag_group,
    "create_tag": create_tag,
    "rename_tag": rename_tag,
    "rename_tag_group": rename_tag_group,
    "delete_tag": delete_tag,
    "delete_tag_group": delete_tag_group,
    "reorder_tags": reorder_tags,
    "reorder_tag_groups": reorder_tag_groups,
}
