"""The published limits of requests, checked before anything is sent: WeCom would refuse, or cut without a word.

Errors name the API, the field and the sizes, never the text.
"""

from collections.abc import Sized

from shared.wecom.apis import Api

DAY_S = 86_400


def cut_chars(text: str, most: int) -> str:
    """The first `most` characters."""
    return text[:most]


def cut_bytes(text: str, most: int) -> str:
    """As much as fits in `most` bytes of UTF-8, without half a character at the end."""
    return text.encode()[:most].decode(errors="ignore")


def chars(api: Api, most: int, **texts: str | None) -> None:
    """Raises ValueError when one has more characters."""
    for name, text in texts.items():
        if text is not None and len(text) > most:
            raise ValueError(f"{api.path}: {name} has {len(text)} characters, {most} are allowed")


def utf8(api: Api, most: int, **texts: str | None) -> None:
    """Raises ValueError when one has more bytes as UTF-8."""
    for name, text in texts.items():
        if text is not None and len(text.encode()) > most:
            raise ValueError(f"{api.path}: {name} has {len(text.encode())} bytes, {most} are allowed")


def count(api: Api, most: int, *, least: int = 0, **lists: Sized | None) -> None:
    """Raises ValueError when one has more items, or fewer than `least`."""
    for name, items in lists.items():
        if items is not None and not least <= len(items) <= most:
            raise ValueError(f"{api.path}: {name} has {len(items)} items, {least} to {most} are allowed")


def between(api: Api, low: int, high: int, **numbers: int | None) -> None:
    """Raises ValueError when one is out of the range, both ends of which are allowed."""
    for name, number in numbers.items():
        if number is not None and not low <= number <= high:
            raise ValueError(f"{api.path}: {name} is {number}, {low} to {high} are allowed")


def some(api: Api, **values: object) -> None:
    """Raises ValueError when all are empty."""
    if not any(values.values()):
        raise ValueError(f"{api.path}: one of {', '.join(values)} is needed")


def each(api: Api, **values: object) -> None:
    """Raises ValueError when one is empty."""
    for name, value in values.items():
        if not value:
            raise ValueError(f"{api.path}: {name} is needed")


def span(api: Api, *, start_time: int, end_time: int, days: int) -> None:
    """Raises ValueError when the window (Unix seconds) is turned round or longer than so many days."""
    if not 0 <= end_time - start_time <= days * DAY_S:
        raise ValueError(f"{api.path}: the time from {start_time} to {end_time} is not within {days} days")
