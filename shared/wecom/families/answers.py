"""What calls have in common when they make values of an answer: what must be there, and pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from shared.errors import RetryableError
from shared.wecom.apis import Api, Repeat
from shared.wecom.errors import UnreachableError
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import number, row, rows, text

T = TypeVar("T")
Answer = Mapping[str, Any]


def needed(api: Api, kind: type[T], payload: object) -> T:
    """The one object that the call is about.

    Raises:
        UnreachableError: WeCom answered with success and without it.
    """
    found = row(kind, payload)
    if found is None:
        raise _without(api, kind.__name__)
    return found


def needed_text(api: Api, answer: Answer, key: str) -> str:
    """As `needed`: one text that is not empty."""
    found = text(answer.get(key))
    if not found:
        raise _without(api, key)
    return found


def needed_number(api: Api, answer: Answer, key: str) -> int:
    """As `needed`: one number."""
    found = number(answer.get(key))
    if found is None:
        raise _without(api, key)
    return found


def needed_list(api: Api, answer: Answer, key: str) -> list[Any]:
    """As `needed`: one list, which may be empty. Missing is not emptied."""
    found = answer.get(key)
    if not isinstance(found, list):
        raise _without(api, key)
    return found


def _without(api: Api, what: str) -> UnreachableError:
    return UnreachableError(api.path, f"answered without {what}", maybe_accepted=api.repeat is not Repeat.READ)


def listed(kind: type[T], answer: Answer, key: str) -> tuple[T, ...]:
    """The rows of a list that the call is about; WeCom may leave an empty list out."""
    return rows(kind, answer.get(key)) or ()


def page_of(kind: type[T], answer: Answer, key: str) -> Page[T]:
    return Page(listed(kind, answer, key), cursor_of(answer))


def cursor_of(answer: Answer) -> str:
    """ "" when there is no more: absent, null and "" mean the same."""
    return text(answer.get("next_cursor")) or ""


def every_row(fetch: Callable[[str], Page[T]]) -> Iterator[T]:
    """All rows of all pages, one page in memory at a time. `fetch` takes a cursor; "" starts over.

    Raises:
        RetryableError: a cursor came a second time, so that the walk would not end.
    """
    # Brent's way to see a circle: one earlier cursor is kept, and exchanged at steps 1, 2, 4, 8 and so on.
    cursor, kept, step, exchange = "", "", 0, 1
    while True:
        page = fetch(cursor)
        yield from page.rows
        cursor, step = page.next_cursor, step + 1
        if not cursor:
            return
        if cursor == kept:
            raise RetryableError("a cursor of WeCom's came a second time")
        if step == exchange:
            kept, exchange = cursor, exchange * 2
