"""Corp tags, tags of rule groups, and the rule groups of customer contact."""

from typing import Any

from simulator.family import Family
from simulator.records import Corp
from simulator.tags import acts, api, marking, rule_api, rule_tags
from simulator.tags.book import TagBook
from simulator.tags.settings import TagSettings
from simulator.world import World


def tags(world: World, corp: Corp) -> list[dict[str, Any]]:  # noqa: ARG001 - every look has this shape
    """All groups with all tags, the deleted among them, and who made them (0: a person)."""
    return [
        {
            **api.group_view(group, group.tags, tombstones=True),
            "deleted": group.deleted,
            "strategy_id": group.strategy_id,
            "creator": group.creator,
        }
        for group in corp.book(TagBook).groups.values()
    ]


FAMILY = Family(
    "tags",
    {**api.ENDPOINTS, **marking.ENDPOINTS, **rule_tags.ENDPOINTS, **rule_api.ENDPOINTS},
    acts.ACTS,
    TagSettings,
    {"tags": tags},
)
