"""JSON bodies, read as far as they can be: what is broken or of another type may be accepted in part, with a warning.

WeCom says so, and does not say how far (global error codes, page 90313). Here the members of an object count up to the
first that cannot be read, digits in quotes are numbers, and numbers are ids and texts.
"""

import json
import re
from math import isfinite
from typing import Any

import orjson

from simulator.errors import ApiError

WARNING = "Warning: wrong json format."
NUMBERS = frozenset({"limit", "offset", "page_id", "page_size", "start_time", "end_time"})
TEXTS = frozenset({"userid", "external_userid", "remark", "description", "cursor"})
MOST_DIGITS = 18
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*')
_COMMA = re.compile(r"\s*,")


def _finite(number: str) -> float:
    found = float(number)
    if not isfinite(found):
        raise ValueError(number)
    return found


# Not a number, and numbers without end, are no JSON.
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def read_object(body: bytes, *, partial: bool) -> tuple[dict[str, Any], bool]:
    """The object and whether it was sound; ApiError 40058 when nothing of it can be read."""
    try:
        found, sound = orjson.loads(body), True
    except orjson.JSONDecodeError:
        found, sound = _beginning(body) if partial else None, False
    if not isinstance(found, dict):
        raise ApiError(40058, detail=WARNING)
    if not partial:
        return found, sound
    bent = {key: _bent(key, value) for key, value in found.items()}
    return bent, sound and bent == found


def _bent(key: str, value: Any) -> Any:
    if key in NUMBERS and isinstance(value, str) and value.isdecimal() and len(value) <= MOST_DIGITS:
        return int(value)
    if key in TEXTS and type(value) is int:
        return str(value)
    return value


def _beginning(body: bytes) -> dict[str, Any] | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    start = re.match(r"\s*\{", text)
    found: dict[str, Any] = {}
    at = start.end() if start else len(text)
    while name := _NAME.match(text, at):
        try:
            key = json.loads(name[1])
            value, at = _DECODER.raw_decode(text, name.end())
            # Half a character, or an object of a thousand levels, could be read but not be answered.
            orjson.dumps({key: value})
        except (ValueError, TypeError, RecursionError):
            break
        found[key] = value
        comma = _COMMA.match(text, at)
        if not comma:
            break
        at = comma.end()
    return found or None
