"""What the client must know about an API besides its address: may a call be repeated, and does it count."""

from dataclasses import dataclass
from enum import Enum, IntEnum

TOKEN_API = "gettoken"  # noqa: S105 - the name of an API


class Repeat(Enum):
    """When the client itself asks again, up to three times."""

    READ = "read"
    """Changes nothing: when WeCom is busy, and when no answer came."""
    SAME = "same"
    """A write that leads to the same state however often it is done: as a read."""
    ONCE = "once"
    """A write that could happen twice, or undo what a person did meanwhile: never here, its caller looks first."""


class Priority(IntEnum):
    """Who goes first when a budget is short. A lower number goes first."""

    WELCOME = 0
    OPERATOR = 1
    EVENTS = 2
    REMINDERS = 3
    BACKFILL = 4


@dataclass(frozen=True)
class Api:
    """One address under /cgi-bin.

    `counted`: calls take from the corp's and the egress address's budgets (sending application messages does not).
    `keyed`: the query carries a key of its own (group robots), no access token; the limits are that key's.
    `per_minute`, `per_hour`: limits of its own instead of the general ones.
    """

    path: str
    repeat: Repeat = Repeat.READ
    counted: bool = True
    keyed: bool = False
    per_minute: int | None = None
    per_hour: int | None = None
