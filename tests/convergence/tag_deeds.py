"""What people do with the corp's tags."""

from tests.convergence.town import Choose, Deed, Order, Town


def _tag(town: Town, deed: Deed) -> Order | None:
    return {"tag_id": list(town.tags)[deed.a % len(town.tags)]} if town.tags else None


def _group(town: Town, deed: Deed) -> Order | None:
    return {"group_id": town.groups[deed.a % len(town.groups)]} if town.tags else None


def _new_group(_town: Town, deed: Deed) -> Order:
    names = [f"标签{deed.b}", f"标签{deed.b + 1}"][: 1 + deed.c % 2]
    return {"group_name": f"组{deed.a}", "tags": names, "order": deed.c % 3}


def _new_tag(town: Town, deed: Deed) -> Order | None:
    group = _group(town, deed)
    return group and {**group, "name": f"标签{deed.b}"}


def _renamed(town: Town, deed: Deed) -> Order | None:
    tag = _tag(town, deed)
    return tag and {**tag, "name": f"标签{deed.b}"}


def _renamed_group(town: Town, deed: Deed) -> Order | None:
    group = _group(town, deed)
    return group and {**group, "name": f"组{deed.b}"}


def _reordered(town: Town, deed: Deed) -> Order | None:
    group = _group(town, deed)
    if group is None:
        return None
    mine = [one for one, where in town.tags.items() if where == group["group_id"]]
    return {**group, "tag_ids": [mine[deed.b % len(mine)]]}


ORDERS: dict[str, Choose] = {
    "create_tag_group": _new_group,
    "create_tag": _new_tag,
    "rename_tag": _renamed,
    "rename_tag_group": _renamed_group,
    "delete_tag": _tag,
    "delete_tag_group": _group,
    "reorder_tags": _reordered,
}
