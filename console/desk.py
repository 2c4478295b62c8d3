"""What every handler has at hand: the process's runtime and the worker's bell."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from shared.runtime import Runtime

NAME = "guanxi.desk"


@dataclass(frozen=True)
class Desk:
    """`ring`: something is wanted of WeCom, a worker should look; returns at once."""

    runtime: Runtime
    ring: Callable[[], None]


def desk() -> Desk:
    found: Desk = current_app.extensions[NAME]
    return found
