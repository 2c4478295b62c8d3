"""What tests and the page may read of messages, beside the deliveries themselves."""

from typing import Any

from simulator.messages.book import MessageBook
from simulator.messages.quotas import budget
from simulator.records import Corp
from simulator.world import World


def message_days(world: World, corp: Corp) -> list[dict[str, Any]]:
    """The person-times that each app spent, by natural day in China."""
    most = budget(world, corp)
    return [
        {"agent_id": agent_id, "day": date, "spent": day.spent, "budget": most, "blocked": day.blocked}
        for (agent_id, date), day in corp.book(MessageBook).days.items()
    ]


LOOKS = {"message_days": message_days}
