"""A family of WeCom's features: its endpoints, what people do in it, its numbers, and what the page may look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.acting import Act
from simulator.api.calls import Endpoint
from simulator.records import Corp
from simulator.world import World


@dataclass(frozen=True)
class Family:
    """`settings` is a dataclass of defaults: every number that WeCom does not publish.

    `looks` are read at GET /sim/corps/<corp>/look/<name>: the state as it is, not as an app may see it.
    """

    name: str
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    acts: Mapping[str, Act] = field(default_factory=dict)
    settings: type | None = None
    looks: Mapping[str, Callable[[World, Corp], Any]] = field(default_factory=dict)
