"""Whether WeCom could take what is asked for, and what its author may have seen. Pure."""

from collections.abc import Collection, Iterable, Sequence

from services.catalogue.model import (
    GONE,
    LARGEST_SORT,
    MOST_TAGS,
    NAME,
    NAME_CHARS,
    NEW,
    SORT,
    Asked,
    Delete,
    NewTag,
    Place,
    Rename,
    field_of,
    new_tag,
    target_of,
    what_of,
)
from services.catalogue.view import Item, View
from services.intents.model import Intent, Value, WishRefusedError
from services.tags.model import Catalogue


def check_asked(asked: Asked, view: View, recorded: Catalogue) -> None:
    """`view`: the catalogue with all open wishes but those that this one takes the place of.

    Raises:
        WishRefusedError: WeCom could only refuse it.
    """
    match asked:
        case NewTag():
            _check_new(asked, view, recorded)
        case Rename():
            item = _present(asked.id, view, recorded)
            _check_name(asked.name)
            _check_free(asked.name, view, item)
        case Place():
            _present(asked.id, view, recorded)
            _check_sort(asked.sort)
        case Delete():
            _present(asked.id, view, recorded)


def _check_new(new: NewTag, view: View, recorded: Catalogue) -> None:
    _check_name(new.name)
    for sort in (new.sort, new.group_sort):
        if sort is not None:
            _check_sort(sort)
    if new.group_id and _present(new.group_id, view, recorded).group_id:
        raise WishRefusedError(f"{new.group_id} is a tag, not a group")
    if not new.group_id:
        _check_name(new.group_name)
    group = view.group_of(new)
    found = view.named(new.name, group_id=group.id) if group is not None else None
    if found is not None:
        raise WishRefusedError(f"the group has a tag of this name: {found.id}")
    if len(view.tags) >= MOST_TAGS:
        raise WishRefusedError(f"there are {len(view.tags)} tags, those asked for included; WeCom takes {MOST_TAGS}")


def _present(id_: str, view: View, recorded: Catalogue) -> Item:
    if (item := view.get(id_)) is not None:
        return item
    known = [one for one in (recorded.tags.get(id_), recorded.groups.get(id_)) if one is not None]  # type: ignore[call-overload]
    if not known:
        raise WishRefusedError(f"no tag or group {id_}; `guanxi tags list` shows those that are there")
    if known[0].deleted_at is not None:
        raise WishRefusedError(f"{id_} was deleted at {known[0].deleted_at.isoformat(timespec='seconds')}")
    raise WishRefusedError(f"{id_} is about to be deleted with its group")


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip():
        raise WishRefusedError("a name has at least one character, and no spaces around it")
    if len(name) > NAME_CHARS:
        raise WishRefusedError(f"the name has {len(name)} characters; WeCom takes {NAME_CHARS}")


def _check_sort(sort: int) -> None:
    if not 0 <= sort <= LARGEST_SORT:
        raise WishRefusedError(f"a place in the order is 0 to {LARGEST_SORT}")


def _check_free(name: str, view: View, item: Item) -> None:
    other = view.named(name, group_id=item.group_id)
    if other is not None and other.id != item.id:
        raise WishRefusedError(f"the name is taken: {other.id}")


def reopened(intent: Intent, asked: Asked) -> bool:
    """Whether it gives way to what is asked for: the same again, or a deletion of what is to be changed instead."""
    if isinstance(asked, NewTag):
        return what_of(intent) == NEW and _same(new_tag(intent), asked)
    return target_of(intent) == asked.id and what_of(intent) in (GONE, _what(asked))


def same_new(intents: Iterable[Intent], new: NewTag) -> Intent | None:
    """The open wish for the same tag: it is made once."""
    return next((one for one in intents if what_of(one) == NEW and _same(new_tag(one), new)), None)


def _same(one: NewTag, other: NewTag) -> bool:
    return (one.name, one.group_id, one.group_name) == (other.name, other.group_id, other.group_name)


def _what(asked: Rename | Place | Delete) -> str:
    return {Rename: NAME, Place: SORT, Delete: GONE}[type(asked)]


def moot(intents: Iterable[Intent], asked: Asked, recorded: Catalogue) -> list[Intent]:
    """Open wishes of other fields that make no sense beside this one.

    A rename of what is to be deleted stays: another wish may be waiting for the name that it frees.
    """
    if isinstance(asked, NewTag):
        return []
    if not isinstance(asked, Delete):
        return [one for one in intents if one.field == field_of(GONE, asked.id)]
    inside = {one.tag_id for one in recorded.tags.values() if one.group_id == asked.id}
    return [one for one in intents if _dies_with(one, asked.id, inside, name=_name_of(asked.id, recorded))]


def _dies_with(intent: Intent, id_: str, inside: Collection[str], *, name: str | None) -> bool:
    if what_of(intent) == NEW:
        new = new_tag(intent)
        return new.group_id == id_ or (bool(inside) and not new.group_id and new.group_name == name)
    return what_of(intent) != GONE and (target_of(intent) in inside or intent.field == field_of(SORT, id_))


def _name_of(id_: str, recorded: Catalogue) -> str | None:
    return next((one.name for one in recorded.groups.values() if one.group_id == id_), None)


def known_of(
    asked: Rename | Place | Delete, recorded: Catalogue, intents: Sequence[Intent]
) -> tuple[str, Value, list[Value]]:
    """The field, what is wanted of it, and what the author may have seen there."""
    tag, group = recorded.tags.get(asked.id), recorded.groups.get(asked.id)  # type: ignore[call-overload]
    entry = tag or group
    assert entry is not None
    field = field_of(_what(asked), asked.id)
    if isinstance(asked, Place):
        return field, asked.sort, [] if entry.sort is None else [entry.sort]
    names: list[Value] = [] if entry.name is None else [entry.name]
    if isinstance(asked, Rename):
        return field, asked.name, names
    for one in intents:  # what our own rename makes of it before is no surprise
        if one.field == field_of(NAME, asked.id):
            names += [one.desired, *one.bases]
    return field, True if tag is not None else _at_stake(asked.id, recorded, intents), names


def _at_stake(group_id: str, recorded: Catalogue, intents: Iterable[Intent]) -> str:
    inside = {str(one.tag_id) for one in recorded.tags.values() if one.group_id == group_id}
    return " ".join(sorted(inside | {one.made_id for one in intents if one.made_id}))


def places(view: View, ids: Sequence[str]) -> list[Place]:
    """The fewest changes that put tags of one group, or groups, into this order; what is not named follows.

    Raises:
        WishRefusedError: they are not of one group, or not there.
    """
    items = [view.get(one) for one in ids]
    groups = {one.group_id for one in items if one is not None}
    if None in items or len(groups) != 1 or len(set(ids)) < len(ids):
        raise WishRefusedError("an order is of tags of one group, or of groups, each named once")
    (group_id,) = groups
    present = view.tags_of(group_id) if group_id else view.in_order()
    after = [*(one for one in items if one is not None), *(one for one in present if one.id not in ids)]
    wanted = [(one, len(after) - at) for at, one in enumerate(after)]
    return [Place(one.id, sort) for one, sort in wanted if one.sort != sort and recordable(one)]


def recordable(item: Item) -> bool:
    """Whether WeCom has named it: what is not made yet has no place to be changed."""
    return not item.id.startswith("new:")
