"""Group messages to customers and to their chats."""

from dataclasses import asdict
from typing import Any

from simulator.broadcasts.acts import ACTS
from simulator.broadcasts.api import ENDPOINTS
from simulator.broadcasts.book import BroadcastBook
from simulator.broadcasts.settings import BroadcastSettings
from simulator.family import Family
from simulator.records import Corp
from simulator.world import World


def broadcasts(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    return [asdict(item) for item in corp.book(BroadcastBook).sent.values()]


FAMILY = Family("broadcasts", ENDPOINTS, ACTS, BroadcastSettings, {"broadcasts": broadcasts})
