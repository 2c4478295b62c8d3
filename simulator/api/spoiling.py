"""Answers that say success and are wrong: emptied, without a cursor, with the one that was asked with, cut off."""

from typing import Any

import orjson

from simulator.api.calls import Request


def spoiled(body: dict[str, Any], how: str | dict[str, Any], request: Request) -> bytes:
    """The answer as bytes. An object is laid over the body; null takes a key away."""
    if how == "garbage":
        return orjson.dumps(body)[:-7]
    if isinstance(how, dict):
        laid = body | how
        return orjson.dumps({key: value for key, value in laid.items() if key not in how or value is not None})
    if how == "empty":
        body = {key: [] if isinstance(value, list) else value for key, value in body.items()}
    if how == "same_cursor":
        return orjson.dumps(body | {"next_cursor": _asked_with(request)})
    return orjson.dumps({key: value for key, value in body.items() if key != "next_cursor"})


def _asked_with(request: Request) -> str:
    try:
        asked = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return ""
    return str(asked.get("cursor") or "") if isinstance(asked, dict) else ""
