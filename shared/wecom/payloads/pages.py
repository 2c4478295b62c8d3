"""One page of a paged read."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`next_cursor` is opaque; the page whose `next_cursor` is "" is the last. A page may be empty and not the last."""

    rows: tuple[T, ...]
    next_cursor: str
