"""What customers do about a transfer, before it takes effect by itself."""

from collections.abc import Callable

from simulator.acting import Act, ImpossibleError, Order, Outcome
from simulator.events import Event
from simulator.records import Corp
from simulator.transfers.book import Transfer, find_waiting
from simulator.transfers.ending import refuse, take_effect
from simulator.world import World

End = Callable[..., tuple[Event, ...]]
NAMES = ("external_userid", "handover_userid", "takeover_userid")


def _told_of(corp: Corp, order: Order) -> Transfer:
    """The one waiting transfer that fits; members may be left out when there is only one."""
    unknown = order.keys() - set(NAMES)
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    if not order.get("external_userid"):
        raise ValueError("external_userid is missing")
    found = list(find_waiting(corp, **{name: str(order.get(name, "")) for name in NAMES}))
    if len(found) != 1:
        raise ImpossibleError(f"{len(found)} waiting transfers of {order['external_userid']!r}")
    return found[0]


def _ending(end: End) -> Act:
    def run(world: World, corp: Corp, order: Order, at: int) -> Outcome:
        transfer = _told_of(corp, order)
        events = end(world, corp, transfer, at=at)
        return Outcome({"external_userid": transfer.external_userid, "status": int(transfer.status)}, events)

    return run


ACTS = {"agree_transfer": _ending(take_effect), "refuse_transfer": _ending(refuse)}
