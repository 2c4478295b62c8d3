"""Filters that name an associate, when that one gets another userid. Pure.

A filter is kept as it was given: what it says is changed in place, and nothing else of it.
"""

from typing import Any

from shared.ids import UserId

NAMING = frozenset({"assigned", "pool_assigned", "friend"})
"""Fields whose values are userids; `added` has them under `by`."""


def with_userid(given: Any, old: UserId, new: UserId) -> Any:
    """A filter as JSON values, with the new userid where it named the old one."""
    if not isinstance(given, dict) or not given.get("groups"):
        return given
    return given | {"groups": [_group(one, old, new) for one in given["groups"]]}


def _group(group: Any, old: UserId, new: UserId) -> Any:
    return group | {"conditions": [_condition(one, old, new) for one in group["conditions"]]}


def _condition(one: Any, old: UserId, new: UserId) -> Any:
    value = one.get("value")
    if one["field"] in NAMING and value is not None:
        return one | {"value": _named(value, old, new)}
    if one["field"] == "added" and isinstance(value, dict) and value.get("by"):
        return one | {"value": value | {"by": _named(value["by"], old, new)}}
    return one


def _named(value: Any, old: UserId, new: UserId) -> Any:
    if isinstance(value, (list, tuple)):
        return list(dict.fromkeys(new if one == old else one for one in value))
    return new if value == old else value
