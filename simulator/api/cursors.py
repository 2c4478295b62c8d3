"""Pages: limits as each endpoint treats them, and opaque cursors sealed to the app, the endpoint and the filter.

An endpoint whose rows fit in one list needs three lines:

    limit = cursors.limit_of(asked, default=50, most=100, over="default")
    bound_to = cursors.bound(call, "groupchat/list", asked.get("status_filter"))
    rows, next_cursor = cursors.page(items, cursor=asked.get("cursor"), limit=limit, bound_to=bound_to)

A cursor is no part of a token: it goes on working when the token is renewed.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import orjson

from simulator.api.calls import Call
from simulator.errors import ApiError

Item = TypeVar("Item")
Position = list[str | int]
_KEY = secrets.token_bytes(16)
_MAC = 12


def bound(call: Call, endpoint: str, *filters: Any) -> str:
    """What a cursor of this call may be used for again: the same app, endpoint and filter."""
    return f"{call.corp.corp_id}|{call.app.secret}|{endpoint}|{filters!r}"


def limit_of(
    asked: Mapping[str, Any],
    *,
    default: int,
    most: int,
    over: Literal["clamp", "default", "refuse"] = "clamp",
    name: str = "limit",
) -> int:
    """The rows a page may have; `over` is what a number above `most` becomes. ApiError 40058 when it is no number."""
    limit = asked.get(name) or default
    if type(limit) is not int or limit < 0:
        raise ApiError(40058, detail=name)
    if limit <= most:
        return limit
    if over == "refuse":
        raise ApiError(40058, detail=f"{name} is over {most}")
    return most if over == "clamp" else default


def page(
    items: Sequence[Item], *, cursor: Any, limit: int, bound_to: str, now: float = 0, life_s: float = 0
) -> tuple[list[Item], str]:
    """The next `limit` items and the cursor behind them, "" when they are the last. Counted from the start: live."""
    start = int(unseal(cursor, bound_to=bound_to, now=now, life_s=life_s)[0]) if cursor else 0
    end = start + limit
    return list(items[start:end]), seal([end], bound_to=bound_to, now=now) if end < len(items) else ""


def _mac(payload: bytes, bound_to: str) -> bytes:
    return hashlib.blake2b(payload + b"|" + bound_to.encode(), key=_KEY, digest_size=_MAC).digest()


def seal(position: Position, *, bound_to: str, now: float = 0) -> str:
    payload = orjson.dumps([int(now), *position])
    return base64.urlsafe_b64encode(_mac(payload, bound_to) + payload).decode().rstrip("=")


def unseal(cursor: Any, *, bound_to: str, now: float = 0, life_s: float = 0) -> Position:
    """The position; ApiError 50100 when the cursor is garbled, made for something else, or older than `life_s`.

    0 seconds are no limit. ApiError 40058 when it is no text.
    """
    if not isinstance(cursor, str):
        raise ApiError(40058, detail="cursor")
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise ApiError(50100) from None
    mac, payload = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(mac, _mac(payload, bound_to)):
        raise ApiError(50100)
    made_at, *position = orjson.loads(payload)
    if life_s and now >= made_at + life_s:
        raise ApiError(50100)
    return list(position)
