"""Group chats made by an app."""

from dataclasses import asdict
from typing import Any

from simulator.appchats.api import ENDPOINTS
from simulator.appchats.book import AppchatBook
from simulator.appchats.settings import AppchatSettings
from simulator.family import Family
from simulator.records import Corp
from simulator.world import World


def _look(_: World, corp: Corp) -> list[dict[str, Any]]:
    """Every chat with its messages; it is visible in the client once it has one."""
    return [{**asdict(chat), "visible": bool(chat.posts)} for chat in corp.book(AppchatBook).chats.values()]


FAMILY = Family("appchats", ENDPOINTS, settings=AppchatSettings, looks={"appchats": _look})
