"""Cursors: opaque to callers, ids and times only."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

import orjson

from console.api.problems import ProblemError
from services.persons.listing import After
from services.timeline.model import Place

LARGEST = 2**63 - 1


def encode(id_: int, updated_at: datetime | None = None) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([id_, updated_at])).decode().rstrip("=")


def decode(cursor: str | None, *, by_time: bool = False) -> After | None:
    """
    Raises:
        ProblemError: nobody got this cursor from here, or from a listing in another order.
    """
    if cursor is None:
        return None
    try:
        id_, at = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(id_, int) or isinstance(id_, bool) or not 0 <= id_ <= LARGEST:
            raise ValueError
        moment = None if at is None else datetime.fromisoformat(at)
        if (moment is not None) != by_time or (moment is not None and moment.tzinfo is None):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise _unknown() from None
    return After(id_, moment)


def _unknown() -> ProblemError:
    why = "no cursor of this listing: start without one"
    return ProblemError(400, "cursor", why, errors=[("query/cursor", why)])


def encode_place(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([place.at, place.rank, place.key])).decode().rstrip("=")


def decode_place(cursor: str | None, *, numbered: Sequence[bool]) -> Place | None:
    """`numbered`: of each source of a timeline, whether its keys are numbers.

    Raises:
        ProblemError: nobody got this cursor from here.
    """
    if cursor is None:
        return None
    try:
        at, rank, key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        known = type(rank) is int and 0 <= rank < len(numbered) and type(key) is (int if numbered[rank] else str)
        if not known or moment.tzinfo is None or (type(key) is int and not 0 <= key <= LARGEST) or "\0" in str(key):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise _unknown() from None
    return Place(moment, rank, key)
