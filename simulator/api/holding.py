"""Two calls for the same record at once: the second is refused, as long as the first is under way."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError


@contextmanager
def holding(endpoint: Endpoint, call: Call) -> Iterator[None]:
    """Hold what the endpoint holds alone in the corp; ApiError with its `when_held` when another call has it.

    Calls are answered in microseconds, so that two meet only while scripted latency holds one of them.
    """
    held = endpoint.holds(call) if endpoint.holds else None
    if held is None:
        yield
        return
    key: tuple[str, Hashable] = (call.corp.corp_id, held)
    if key in call.world.held:
        raise ApiError(endpoint.when_held)
    call.world.held.add(key)
    try:
        yield
    finally:
        call.world.held.discard(key)
