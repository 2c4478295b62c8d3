"""What an action of a person is: a change of the corp, and the callbacks that tell of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.events import Event
from simulator.records import Corp

if TYPE_CHECKING:
    from simulator.world import World

Order = Mapping[str, Any]
"""What the control API was told, without `do`, `at`, `silent` and `callbacks`."""


class ImpossibleError(ValueError):
    """The action does not fit the state, for example deleting someone who is no friend; nothing was changed."""


@dataclass(frozen=True)
class Outcome:
    """`answer` joins the control API's answer (ids that were made); `events` are the callbacks."""

    answer: dict[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


Act = Callable[["World", Corp, Order, int], Outcome]
"""Does it at a time (Unix seconds). ImpossibleError or ValueError leave everything as it was."""
