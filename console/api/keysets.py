"""Cursors of listings in other orders than ids: the values of the last row, opaque to callers."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime

import orjson

from console.api.problems import ProblemError

LARGEST = 2**63 - 1
LONGEST_TEXT = 400


def encode(*values: datetime | date | int | str | None) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def decode(cursor: str | None, kinds: Sequence[type]) -> list[object] | None:
    """The values, each of its kind or None; `kinds` are datetime, date, int and str.

    Raises:
        ProblemError: nobody got this cursor from here, or from a listing in another order.
    """
    if cursor is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error, OverflowError):
        why = "no cursor of this listing: start without one"
        raise ProblemError(400, "cursor", why, errors=[("query/cursor", why)]) from None


def _value(value: object, kind: type) -> object:
    if value is None:
        return None
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return value
    if not isinstance(value, str) or "\0" in value or len(value) > LONGEST_TEXT:
        raise ValueError
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    if kind is date:
        return date.fromisoformat(value)
    if kind is str:
        return value
    raise ValueError
