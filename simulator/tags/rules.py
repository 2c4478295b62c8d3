"""What names, orders and numbers of tags must be, and how a deleted tag leaves the customers."""

from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import number, parts
from simulator.errors import ApiError
from simulator.tags.book import Tag, TagBook, TagGroup
from simulator.tags.settings import TagSettings
from simulator.world import World

# Source: WeCom server API, corp tags (page 92117): corp tags and tags of rule groups together.
MOST_TAGS = 10_000
MOST_ORDER = 2**32 - 1


def check_name(call: Call, name: Any) -> str:
    if not name:
        raise ApiError(40063, detail="name")
    if not isinstance(name, str):
        raise ApiError(40058, detail="name")
    if len(name) > call.settings(TagSettings).longest_name:
        raise ApiError(40072)
    return name


def check_order(asked: dict[str, Any]) -> int:
    order = number(asked, "order")
    if not 0 <= order <= MOST_ORDER:
        raise ApiError(40058, detail="order")
    return order


def names_asked(call: Call, asked: dict[str, Any]) -> dict[str, int]:
    """Name -> order; a name that comes twice counts once."""
    tags = parts(asked, "tag")
    if not tags:
        raise ApiError(40063, detail="tag")
    found: dict[str, int] = {}
    for item in tags:
        found.setdefault(check_name(call, item.get("name")), check_order(item))
    return found


def check_cap(book: TagBook, more: int) -> None:
    if book.count + more > MOST_TAGS:
        raise ApiError(40126)


def bury(world: World, book: TagBook, item: Tag | TagGroup) -> None:
    """Delete; customers lose the tags after the lag."""
    ids = book.delete(item)
    lag_s = world.settings(TagSettings).deletion_lag_s
    if lag_s:
        world.later(world.now() + lag_s, lambda at: book.forget(ids))  # noqa: ARG005 - Later is given its time
    else:
        book.forget(ids)
