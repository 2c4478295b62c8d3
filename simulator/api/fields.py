"""Read the fields of a body by their types: what is absent is empty, what is of another type is 40058."""

from collections.abc import Mapping
from typing import Any

from simulator.errors import ApiError

Json = dict[str, Any]


def text(asked: Mapping[str, Any], key: str) -> str:
    found = asked.get(key) or ""
    if not isinstance(found, str):
        raise ApiError(40058, detail=key)
    return found


def number(asked: Mapping[str, Any], key: str, *, default: int = 0) -> int:
    """What is absent, or 0, is the default."""
    found = asked.get(key) or default
    if type(found) is not int:
        raise ApiError(40058, detail=key)
    return found


def flag(asked: Mapping[str, Any], key: str, *, default: bool = False) -> bool:
    """0 and 1 are flags, too."""
    found = default if asked.get(key) is None else asked[key]
    if found not in (0, 1):
        raise ApiError(40058, detail=key)
    return bool(found)


def part(asked: Mapping[str, Any], key: str) -> Json:
    """An object inside."""
    found = asked.get(key) or {}
    if not isinstance(found, dict):
        raise ApiError(40058, detail=key)
    return found


def texts(asked: Mapping[str, Any], key: str) -> list[str]:
    return _list(asked, key, str)


def numbers(asked: Mapping[str, Any], key: str) -> list[int]:
    return _list(asked, key, int)


def parts(asked: Mapping[str, Any], key: str) -> list[Json]:
    return _list(asked, key, dict)


def _list(asked: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    found = asked.get(key) or []
    if not isinstance(found, list) or not all(type(item) is kind for item in found):
        raise ApiError(40058, detail=key)
    return found
