"""JSON as WeCom sends it, made storable."""

import json
from typing import Any

import orjson


def decoded(content: bytes) -> Any:
    """JSON as WeCom sends it, made storable: no NUL, and no half of a cut emoji (a lone surrogate).

    Raises:
        ValueError: not JSON.
    """
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = json.loads(content.decode("utf-8", "replace"))
    else:
        if b"\\u0000" not in content:
            return answer
    try:
        return _storable(answer)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "replace").decode()
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
    return value
