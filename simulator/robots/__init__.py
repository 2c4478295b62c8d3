"""Group robots."""

from dataclasses import asdict
from typing import Any

from simulator.family import Family
from simulator.records import Corp
from simulator.robots.acts import ACTS
from simulator.robots.api import ENDPOINTS
from simulator.robots.book import RobotBook
from simulator.robots.settings import RobotSettings
from simulator.world import World


def _look(_: World, corp: Corp) -> list[dict[str, Any]]:
    """Every robot with its posts and uploads."""
    return [
        {
            "key": robot.key,
            "name": robot.name,
            "removed": robot.removed,
            "posts": [asdict(post) for post in robot.posts],
            "media": [asdict(item) for item in robot.media.media.values()],
        }
        for robot in corp.book(RobotBook).robots.values()
    ]


FAMILY = Family("robots", ENDPOINTS, ACTS, RobotSettings, {"robots": _look})
