"""Corp tags: reading, adding, editing, deleting. All of it is silent.

Source: WeCom server API, corp tags (page 92117), tags of rule groups (page 94882).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import text, texts
from simulator.errors import ApiError
from simulator.tags.book import Tag, TagBook, TagGroup
from simulator.tags.rules import bury, check_cap, check_name, check_order, names_asked
from simulator.tags.settings import TagSettings

Json = dict[str, Any]


def tag_view(tag: Tag, *, tombstones: bool = False) -> Json:
    view = {"id": tag.tag_id, "name": tag.name, "create_time": tag.created_at, "order": tag.order}
    return {**view, "deleted": tag.deleted} if tombstones else view


def group_view(group: TagGroup, tags: list[Tag], *, tombstones: bool = False) -> Json:
    return {
        "group_id": group.group_id,
        "group_name": group.name,
        "create_time": group.created_at,
        "order": group.order,
        "tag": [tag_view(tag, tombstones=tombstones) for tag in tags],
    }


def get_corp_tag_list(call: Call) -> Json:
    """All living tags in one answer, or those that were asked for, the dead among them flagged."""
    asked, book = call.json(), call.book(TagBook)
    group_ids, tag_ids = texts(asked, "group_id"), texts(asked, "tag_id")
    if group_ids:
        return {"tag_group": _groups_by_id(call, book, group_ids)}
    if tag_ids:
        return {"tag_group": _groups_of_tags(call, book, tag_ids)}
    return {"tag_group": [group_view(group, group.living()) for group in book.living()]}


def _unknown(call: Call) -> None:
    code = call.settings(TagSettings).unknown_tag_code
    if code:
        raise ApiError(code)


def _groups_by_id(call: Call, book: TagBook, group_ids: list[str]) -> list[Json]:
    found = []
    for group_id in dict.fromkeys(group_ids):
        group = book.groups.get(group_id)
        if group is None or group.strategy_id:
            _unknown(call)
        else:
            found.append(group_view(group, group.tags, tombstones=True))
    return found


def _groups_of_tags(call: Call, book: TagBook, tag_ids: list[str]) -> list[Json]:
    asked: dict[str, list[Tag]] = {}
    for tag_id in dict.fromkeys(tag_ids):
        tag = book.tags.get(tag_id)
        if tag is None or tag.group.strategy_id:
            _unknown(call)
        else:
            asked.setdefault(tag.group.group_id, []).append(tag)
    groups = [(book.groups[group_id], tags) for group_id, tags in asked.items()]
    return [{**group_view(group, tags, tombstones=True), "deleted": group.deleted} for group, tags in groups]


def add_corp_tag(call: Call) -> Json:
    return {"tag_group": add_tags(call, strategy_id=0)}


def add_tags(call: Call, *, strategy_id: int) -> Json:
    """Add tags to a group that is named by id or by name, which is made if need be; answers with the new tags only."""
    asked, book = call.json(), call.book(TagBook)
    new = names_asked(call, asked)
    order = check_order(asked)
    group = _target(call, asked, strategy_id=strategy_id)
    if group is not None and group.taken.keys() & new.keys():
        raise ApiError(40071)
    check_cap(book, len(new))
    at, creator = int(call.world.now()), call.app.agent_id
    if group is None:
        name = check_name(call, asked.get("group_name"))
        group = book.add_group(name, at=at, order=order, creator=creator, strategy_id=strategy_id)
    made = [book.add_tag(group, name, at=at, order=place, creator=creator) for name, place in new.items()]
    return group_view(group, made)


def _target(call: Call, asked: Json, *, strategy_id: int) -> TagGroup | None:
    """The present group that is meant, None for a new one."""
    book = call.book(TagBook)
    if asked.get("group_id"):
        group = book.group(text(asked, "group_id"))
        if group is None or group.strategy_id != strategy_id:
            raise ApiError(40068)
        return group
    return book.group_named(check_name(call, asked.get("group_name")), strategy_id=strategy_id)


def own(call: Call, item: Tag | TagGroup | None, *, rule: bool) -> Tag | TagGroup:
    """What this app made itself; ApiError 40068 when it is nothing, the foreign-tag code when it is somebody else's."""
    group = item.group if isinstance(item, Tag) else item
    if item is None or group is None or bool(group.strategy_id) != rule:
        raise ApiError(40068)
    if item.creator != call.app.agent_id:
        raise ApiError(call.settings(TagSettings).foreign_tag_code)
    return item


def edit_tags(call: Call, *, rule: bool) -> Json:
    asked, book = call.json(), call.book(TagBook)
    identity = text(asked, "id")
    item = own(call, book.tag(identity) or book.group(identity), rule=rule)
    order = check_order(asked)
    name = check_name(call, asked["name"]) if asked.get("name") else item.name
    if isinstance(item, Tag):
        namesake: Tag | TagGroup | None = item.group.taken.get(name)
    else:
        namesake = book.group_named(name, strategy_id=item.strategy_id)
    if namesake not in (None, item):
        raise ApiError(40071)
    book.rename(item, name)
    if "order" in asked:
        item.order = order
    return {}


def del_tags(call: Call, *, rule: bool) -> Json:
    asked, book = call.json(), call.book(TagBook)
    group_ids, tag_ids = texts(asked, "group_id"), texts(asked, "tag_id")
    if not (group_ids or tag_ids):
        raise ApiError(40063, detail="tag_id")
    doomed = [own(call, book.group(item), rule=rule) for item in dict.fromkeys(group_ids)]
    doomed += [own(call, book.tag(item), rule=rule) for item in dict.fromkeys(tag_ids)]
    for item in doomed:
        if not item.deleted:
            bury(call.world, book, item)
    return {}


ENDPOINTS = {
    "externalcontact/get_corp_tag_list": Endpoint("POST", get_corp_tag_list, {"tag_group": []}, True),
    "externalcontact/add_corp_tag": Endpoint("POST", add_corp_tag, {}, True),
    "externalcontact/edit_corp_tag": Endpoint("POST", lambda call: edit_tags(call, rule=False), {}, True),
    "externalcontact/del_corp_tag": Endpoint("POST", lambda call: del_tags(call, rule=False), {}, True),
}
