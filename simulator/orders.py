"""Orders of the control API as dataclasses: an unknown key or a value of another type is refused before all else."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def parse(kind: type[Kind], order: Mapping[str, Any]) -> Kind:
    """ValueError when a key is unknown, or a value does not have the type of its field."""
    hints = get_type_hints(kind)
    unknown = order.keys() - hints.keys()
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(map(str, unknown)))}")
    for key, value in order.items():
        if not _fits(value, hints[key]):
            raise ValueError(f"{key} cannot be {value!r}")
    return kind(**order)


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if isinstance(hint, UnionType):
        return any(_fits(value, item) for item in get_args(hint))
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    return type(value) is (get_origin(hint) or hint)
