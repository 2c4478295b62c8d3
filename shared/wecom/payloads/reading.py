"""From JSON objects to dataclasses and back: the class says it all, its reader is made once.

A field reads the key of its own name, or the one that `called` names. Unknown keys are ignored. A missing
field, null, or a value of a wrong type is None, which is not "emptied"; unknown enumeration values come as they are.
A row that does not name what it is about is skipped and counted.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import structlog

T = TypeVar("T")
Json = Mapping[str, Any]
Read = Callable[[Any], Any]
LARGEST = 2**32
"""No number of WeCom's reads is larger: times, department ids and their order, codes."""

LONGEST_ID = 256
"""Ids have 64 characters at most. No index holds one that is much longer: it would hold up its page for ever."""

log = structlog.get_logger()


def called(*keys: str, identity: bool = False) -> dict[str, Any]:
    """Field metadata: the vendor's key, or several of which the first with a value counts."""
    return {"keys": keys, "identity": identity}


IDENTITY = called(identity=True)
"""Field metadata: a row without it is skipped."""
AN_ID = {"longest": LONGEST_ID}
"""Field metadata, beside others: a text that is longer is no id, and None."""


def derived(read: Callable[[Json], Any]) -> dict[str, Any]:
    """Field metadata: the value comes from the whole object. It must not raise, whatever the object holds."""
    return {"read": read}


def row(kind: type[T], payload: object) -> T | None:
    """The object as a value; None when it is no object or does not name what it is about."""
    return reader(kind)(payload)  # type: ignore[no-any-return]


def rows(kind: type[T], payload: object) -> tuple[T, ...] | None:
    """None when it is not a list at all."""
    if not isinstance(payload, list):
        return None
    read = reader(kind)
    return counted(tuple(one for item in payload if (one := read(item)) is not None), payload, key=kind.__name__)


def texts(payload: object, *, inside: str | None = None) -> tuple[str, ...] | None:
    """A list of ids, or of objects with the id `inside`, without what is none; None when it is not a list at all."""
    if not isinstance(payload, list):
        return None
    ids = payload if inside is None else [item.get(inside) if isinstance(item, dict) else None for item in payload]
    found = tuple(one for item in ids if (one := text(item)) and len(one) <= LONGEST_ID)
    return counted(found, payload, key=inside or "")


def counted(found: tuple[T, ...], given: list[Any], *, key: str) -> tuple[T, ...]:
    """`found`, after a word about those that are missing: some corps have been given rows without a name."""
    if len(found) < len(given):
        log.warning("wecom.nameless_rows", key=key, rows=len(given) - len(found))
    return found


def items(payload: object) -> list[Any]:
    """Of what should be a list."""
    return payload if isinstance(payload, list) else []


def text(value: object) -> str | None:
    if type(value) is str:
        return value
    return str(value) if type(value) in (int, float) else None


def number(value: object) -> int | None:
    """Also from digits in a text, as some APIs send their times."""
    if type(value) is not int:
        if not isinstance(value, str | int | float):
            return None
        try:
            value = int(value)
        except (ValueError, OverflowError):
            return None
    return value if -LARGEST <= value <= LARGEST else None


def _numbers(value: object) -> tuple[int, ...] | None:
    """None when one item is not a number: lists of numbers run parallel to other lists, and gaps would shift them."""
    found = [number(item) for item in value] if isinstance(value, list) else [None]
    return None if None in found else tuple(one for one in found if one is not None)


def _decimal(value: object) -> float | None:
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: object) -> bool | None:
    """Also from 0 and 1."""
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def _object(value: object) -> Json | None:
    return value if isinstance(value, dict) else None


_SCALARS: dict[Any, Read] = {str: text, int: number, float: _decimal, bool: flag}
_LISTS: dict[Any, Read] = {str: texts, int: _numbers}
_readers: dict[type[Any], Read] = {}


def reader(kind: type[Any]) -> Read:
    """What makes a value of this class out of a decoded JSON value, or None."""
    if kind not in _readers:
        _readers[kind] = _reader(kind)
    return _readers[kind]


def _reader(kind: type[Any]) -> Read:
    hints = get_type_hints(kind)
    steps = []
    for one in fields(kind):
        keys = one.metadata.get("keys") or (one.name,)
        read = one.metadata.get("read")
        steps.append((one.name, *((None, read) if read else _step(keys, _bounded(_converter(hints[one.name]), one)))))
    named = [one.name for one in fields(kind) if one.metadata.get("identity")]
    blank = object.__new__

    def made(payload: object) -> Any:
        if not isinstance(payload, dict):
            return None
        get = payload.get
        values = {name: read(payload if key is None else get(key)) for name, key, read in steps}
        for name in named:
            if values[name] is None or values[name] == "":
                return None
        # A frozen dataclass's own __init__ sets field by field, which takes as long as all the reading.
        value = blank(kind)
        value.__dict__.update(values)
        return value

    return made


def _step(keys: tuple[str, ...], read: Read) -> tuple[str | None, Read]:
    if len(keys) == 1:
        return keys[0], read
    return None, lambda payload: next((found for key in keys if (found := read(payload.get(key))) is not None), None)


def _bounded(read: Read, one: Field[Any]) -> Read:
    longest = one.metadata.get("longest")
    if longest is None:
        return read

    def bounded(value: Any) -> Any:
        found = read(value)
        return found if found is None or len(found) <= longest else None

    return bounded


def _converter(hint: Any) -> Read:
    options = [one for one in get_args(hint) if one is not NoneType] if NoneType in get_args(hint) else [hint]
    hint = _plain(options[0])
    if is_dataclass(hint):
        return reader(hint)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        item = _plain(get_args(hint)[0])
        return _LISTS[item] if item in _LISTS else lambda value: rows(item, value)
    return _object if get_origin(hint) is Mapping else _SCALARS[hint]


def _plain(hint: Any) -> Any:
    return getattr(hint, "__supertype__", hint)


def written(value: Any) -> Any:
    """A dataclass as JSON for a request: the vendor's keys, without those that are None."""
    if is_dataclass(value):
        pairs = (((one.metadata.get("keys") or (one.name,))[0], getattr(value, one.name)) for one in fields(value))
        return {key: written(item) for key, item in pairs if item is not None}
    if isinstance(value, tuple | list):
        return [written(item) for item in value]
    return value
