"""Contact ways and temporary chats."""

from dataclasses import asdict
from typing import Any

from simulator.contact_ways.acts import ACTS
from simulator.contact_ways.api import ENDPOINTS
from simulator.contact_ways.book import ContactWayBook
from simulator.contact_ways.settings import ContactWaySettings
from simulator.family import Family
from simulator.records import Corp
from simulator.world import World


def contact_ways(world: World, corp: Corp) -> dict[str, Any]:  # noqa: ARG001 - every look has this shape
    book = corp.book(ContactWayBook)
    return {
        "spent": book.spent,
        "ways": [asdict(way) for way in book.ways.values()],
        "temp_chats": [asdict(chat) for chat in book.temp_chats.values()],
    }


FAMILY = Family("contact_ways", ENDPOINTS, ACTS, ContactWaySettings, {"contact_ways": contact_ways})
