"""Waiting for what must happen, without guessing how long it takes."""

import time
from collections.abc import Callable

from shared.clock import monotonic


class Impatience(Exception):
    """Something that must happen did not; the text says what."""


def wait_for(happened: Callable[[], bool], what: str, *, patience_s: float = 30) -> None:
    """
    Raises:
        Impatience: it did not happen within `patience_s`.
    """
    deadline = monotonic() + patience_s
    while not happened():
        if monotonic() > deadline:
            raise Impatience(f"waited {patience_s:.0f} s in vain for {what}")
        time.sleep(0.1)
