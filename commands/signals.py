"""SIGINT and SIGTERM for commands that start a whole stack."""

import signal
import threading
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM)


def stop_on_signals() -> threading.Event:
    """The event that SIGINT and SIGTERM set from now on."""
    stopping = threading.Event()
    for number in NUMBERS:
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def interrupt_on_signals() -> None:
    """From now on the first signal is a KeyboardInterrupt; those that follow must not disturb the cleaning up."""
    for number in NUMBERS:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
