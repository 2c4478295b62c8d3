"""How long texts, addresses and lists may be, and what happens to longer ones.

Source: WeCom server API, application messages (pages 90236 and 90372), global error codes (page 90313).
"""

from typing import Any

from simulator.errors import ApiError

URL_BYTES = 2048


def cut_bytes(text: str, limit: int) -> str:
    """The longest beginning of at most `limit` bytes that ends between characters."""
    return text.encode()[:limit].decode(errors="ignore")


def text_of(owner: dict[str, Any], key: str) -> str:
    """The text, "" when absent; ApiError 40058 when it is something else."""
    value = owner.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ApiError(40058, detail=f"{key} must be a string")
    return value


def needed(owner: dict[str, Any], key: str, code: int, *, most_bytes: int = 0) -> str:
    """The text; ApiError `code` when it is missing, or longer than `most_bytes` (0: any length)."""
    value = text_of(owner, key)
    if not value or (most_bytes and len(value.encode()) > most_bytes):
        raise ApiError(code, detail=key)
    return value


def check_url(url: str, *, missing: int = 41010) -> None:
    if not url:
        raise ApiError(missing)
    if len(url.encode()) > URL_BYTES:
        raise ApiError(40039)
    if "://" not in url:
        raise ApiError(45034)


def items_of(owner: dict[str, Any], key: str, code: int, *, least: int, most: int) -> list[dict[str, Any]]:
    """The list of objects; ApiError `code` when its length is out of range or an item is no object."""
    items = owner.get(key)
    if not isinstance(items, list) or not least <= len(items) <= most:
        raise ApiError(code, detail=key)
    if not all(isinstance(item, dict) for item in items):
        raise ApiError(40058, detail=key)
    return items
