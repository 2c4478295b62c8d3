"""Media for messages, moments and albums."""

from dataclasses import asdict
from typing import Any

from simulator.family import Family
from simulator.media.api import ENDPOINTS
from simulator.media.book import MediaBook
from simulator.media.settings import MediaSettings
from simulator.records import Corp
from simulator.world import World


def look(world: World, corp: Corp) -> list[dict[str, Any]]:
    """Everything that was uploaded, with `expired`."""
    book, now = corp.book(MediaBook), world.now()
    return [
        {**asdict(item), "expired": not book.usable(item.media_id, kinds=frozenset({item.kind}), now=now)}
        for item in book.media.values()
    ]


FAMILY = Family("media", ENDPOINTS, settings=MediaSettings, looks={"media": look})
