"""Moments, and their rule groups."""

from dataclasses import asdict
from typing import Any

from simulator.family import Family
from simulator.moments.acts import ACTS
from simulator.moments.api import ENDPOINTS
from simulator.moments.book import MomentBook
from simulator.moments.settings import MomentSettings
from simulator.records import Corp
from simulator.world import World


def moments(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    return [asdict(item) for item in corp.book(MomentBook).moments.values()]


FAMILY = Family("moments", ENDPOINTS, ACTS, MomentSettings, {"moments": moments})
