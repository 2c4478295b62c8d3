"""Answers of a later WeCom: fields that nobody knows yet, and numbers beyond the known ones.

WeCom adds both without notice; a client must pass over them.
"""

import random
from typing import Any

UNKNOWN_NUMBER = 99
ENUMERATED = frozenset({"add_way", "join_scene", "gender", "type", "status", "chat_type", "send_status", "create_type"})
UNKNOWN_FIELD = "future_field"
UNKNOWN_VALUE = {"kind": "not known yet", "numbers": [1, 2, 3]}


def with_future(found: Any, *, share: float, dice: random.Random) -> Any:
    """A copy with an unknown field in every object; `share` of the enumerated numbers become unknown."""
    if isinstance(found, dict):
        return {**{key: _value(key, value, share, dice) for key, value in found.items()}, UNKNOWN_FIELD: UNKNOWN_VALUE}
    if isinstance(found, list):
        return [with_future(item, share=share, dice=dice) for item in found]
    return found


def _value(key: str, value: Any, share: float, dice: random.Random) -> Any:
    if key in ENUMERATED and type(value) is int and dice.random() < share:
        return UNKNOWN_NUMBER
    return with_future(value, share=share, dice=dice)
