"""Welcome messages, and the welcome material of group chats."""

from dataclasses import asdict
from typing import Any

from simulator.family import Family
from simulator.records import Corp
from simulator.welcome import api, materials
from simulator.welcome.book import WelcomeBook
from simulator.welcome.settings import WelcomeSettings
from simulator.world import World


def welcomes(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    """The codes in the order of their events; `said` is empty until the welcome is sent."""
    return [asdict(item) for item in corp.book(WelcomeBook).codes.values()]


FAMILY = Family(
    "welcome", {**api.ENDPOINTS, **materials.ENDPOINTS}, settings=WelcomeSettings, looks={"welcomes": welcomes}
)
