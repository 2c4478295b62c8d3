"""What people do in the client, as opposed to what software does through the API: these cause callbacks."""

from typing import Any

from simulator.families import ACTS
from simulator.records import Corp
from simulator.statistics.book import DayBook
from simulator.world import World

COMMON = ("do", "at", "silent", "callbacks")


def act(world: World, corp: Corp, order: Any) -> dict[str, Any]:
    """Do it and send its callbacks; returns the ids made and the CreateTime used.

    `at` is the CreateTime (Unix seconds), `silent` sends nothing, `callbacks` is the number of copies.

    Raises:
        ValueError: no object with a known `do`, or unknown keys.
        ImpossibleError: the state does not allow it; nothing was changed.
    """
    if not isinstance(order, dict) or order.get("do") not in ACTS:
        raise ValueError(f"do must be one of {', '.join(sorted(ACTS))}")
    rest = {key: value for key, value in order.items() if key not in COMMON}
    with world.lock:
        at = int(world.now() if order.get("at") is None else order["at"])
        outcome = ACTS[order["do"]](world, corp, rest, at)
        corp.book(DayBook).record(corp, outcome.events)
        if not order.get("silent"):
            for event in outcome.events:
                world.emit(corp, event, copies=order.get("callbacks"))
    return {"do": order["do"], **outcome.answer, "create_time": at}
