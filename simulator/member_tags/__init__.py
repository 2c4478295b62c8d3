"""Tags of members."""

from dataclasses import asdict
from typing import Any

from simulator.family import Family
from simulator.member_tags.acts import ACTS
from simulator.member_tags.api import ENDPOINTS
from simulator.member_tags.book import MemberTagBook
from simulator.member_tags.settings import MemberTagSettings
from simulator.records import Corp
from simulator.world import World


def look(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    tags = corp.book(MemberTagBook).tags.values()
    return [{**asdict(tag), "users": list(tag.users), "parties": list(tag.parties)} for tag in tags]


FAMILY = Family("member_tags", ENDPOINTS, ACTS, MemberTagSettings, {"member_tags": look})
