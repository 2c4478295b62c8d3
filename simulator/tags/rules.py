"""What names, orders and numbers of tags must be, and how a deleted tag leaves the customers."""

from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.tags.book import Tag, TagBook, TagGroup
from simulator.tags.settings import TagSettings
from simulator.world import World

# Source: WeCom server API, corp tags (page 92117): corp tags and tags of rule groups together.
MOST_TAGS = 10_000
MOST_ORDER = 2**32 - 1


def texts(asked: dict[str, Any], key: str) -> list[str]:
    """A list of texts, [] when absent; ApiError 40058 when it is something else."""
    found = asked.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ApiError(40058, detail=key)
    return found


def check_name(call: Call, name: Any) -> str:
    if not name:
        raise ApiError(40063, detail="name")
    if not isinstance(name, str):
        raise ApiError(40058, detail="name")
    if len(name) > call.settings(TagSettings).longest_name:
        raise ApiError(40072)
    return name


def check_order(asked: dict[str, Any]) -> int:
    order = asked.get("order") or 0
    if type(order) is not int or not 0 <= order <= MOST_ORDER:
        raise ApiError(40058, detail="order")
    return order


def names_asked(call: Call, asked: dict[str, Any]) -> dict[str, int]:
    """Name -> order; a name that comes twice counts once."""
    tags = asked.get("tag")
    if not tags:
        raise ApiError(40063, detail="tag")
    if not isinstance(tags, list) or not all(isinstance(item, dict) for item in tags):
        raise ApiError(40058, detail="tag")
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
        world.later(world.now() + lag_s, lambda at: book.gone.update(ids))  # noqa: ARG005 - Later is given its time
    else:
        book.gone.update(ids)
