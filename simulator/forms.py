"""What a browser's form says, as an order for the control API."""

from collections.abc import Mapping
from typing import Any

LISTS = frozenset({"tags", "members", "admins", "mobiles", "personal_tags"})
NUMBERS = frozenset({"scene", "add_way", "msg_id"})
SWITCHES = frozenset({"welcome"})


def order_of(form: Mapping[str, str]) -> dict[str, Any]:
    """Empty fields are not said; lists are written with commas. ValueError when a number is none."""
    found: dict[str, Any] = {}
    for key, value in form.items():
        if not value.strip():
            continue
        if key in LISTS:
            found[key] = [item.strip() for item in value.replace("，", ",").split(",") if item.strip()]
        elif key in NUMBERS:
            found[key] = int(value)
        else:
            found[key] = True if key in SWITCHES else value
    return found
