"""Processes and servers are killed while all that reminds goes on: each message, press and welcome once (G1, G5)."""

import sys

import pytest

from shared.queue import make_redis
from tests.flows.reminding.square import Square, live_through
from tests.flows.world import kept_alive

KILLS = 20


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_twenty_kills_of_workers_and_notifiers(square: Square) -> None:
    """kill -9 at random moments of either worker, either notifier and the lane of welcomes (G5, SOP-6, OUT-1)."""
    supervisor = square.world.stack.supervisor
    names = ["worker", "notifier", "worker-2", "notifier-2", "welcomes"]
    chosen = [square.dice.choice(names) for _ in range(KILLS - len(names))] + names
    live_through(square, [lambda name=name: supervisor.kill(name) for name in chosen])  # type: ignore[misc]
    sys.stdout.write(square.summary())
    square.check()


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_redis_is_flushed_and_killed_over_and_over(square: Square) -> None:
    """It is only a bell: without it the sweep finds what is due (G1)."""
    redis, servers = make_redis(square.world.stack.redis_url), square.world.stack.servers
    with kept_alive(square.world):
        live_through(square, [redis.flushall, servers.kill_valkey] * 5)
    square.check()


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_postgresql_is_killed_over_and_over(square: Square) -> None:
    """What was committed stands, what was not is done again (G1, G5)."""
    with kept_alive(square.world):
        live_through(square, [square.world.stack.servers.kill_postgres] * 10)
    square.check()
