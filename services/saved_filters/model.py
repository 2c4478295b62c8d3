"""Values of saved filters. Authority: ours; their owner's alone, and for everybody to use when shared."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.errors import TerminalError

MOST_FILTERS = 200
"""Of an owner."""


class NoSavedFilterError(TerminalError):
    """There is no such filter for whoever asks."""


class SavedFilterRefusedError(TerminalError):
    """It cannot be so; the text says why."""


@dataclass(frozen=True)
class SavedFilter:
    id: int
    name: str
    filter: Any = field(repr=False)
    owner: str
    shared: bool
    created_at: datetime
    updated_at: datetime
