"""Values of bulk jobs: what was asked for and how far it is. What becomes of each relation is in its intents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.customers.choice import Choice
from services.intents.model import Source
from shared.errors import TerminalError
from shared.ids import TenantId

MOST_TAGS = 20
"""Tags of one job; each costs an intent per relation."""


class JobState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class JobRefusedError(TerminalError):
    """It cannot be asked for, or not now; the text says why."""


@dataclass(frozen=True)
class Job:
    """`matched`: relations that were looked at; `already`: those of them that were as wanted, so nothing is asked.

    `change_id`: the bulk change of customers whose intents it pushes; None: it finds its relations by its choice.
    """

    tenant_id: TenantId
    id: int
    add_tags: tuple[str, ...]
    remove_tags: tuple[str, ...]
    choice: Choice
    author: str
    source: Source
    reason: str | None
    state: JobState
    matched: int
    already: int
    created_at: datetime
    finished_at: datetime | None
    change_id: int | None = None

    @property
    def caused_by(self) -> str:
        return f"bulk:{self.id}"


def check_tags(add: Sequence[str], remove: Sequence[str], usable: frozenset[str]) -> None:
    """
    Raises:
        JobRefusedError: nothing is asked for, too much, a contradiction, or a tag that WeCom does not have.
    """
    if not add and not remove:
        raise JobRefusedError("nothing to do: name a tag to put on or to take off")
    if len(add) + len(remove) > MOST_TAGS:
        raise JobRefusedError(f"{len(add) + len(remove)} tags at once; a job takes {MOST_TAGS}")
    both = sorted(set(add) & set(remove))
    if both:
        raise JobRefusedError(f"{both[0]} is to be put on and taken off")
    unknown = [one for one in (*add, *remove) if one not in usable]
    if unknown:
        raise JobRefusedError(f"no corp tag {unknown[0]}; WeCom may have deleted it")
