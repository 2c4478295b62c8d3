"""kill -9 of everything in the middle of events: nothing acknowledged is lost, nothing is told twice (G1, G5)."""

import itertools
import threading
from collections.abc import Callable

import pytest

from commands.waiting import wait_for
from tests.flows.world import World, kept_alive

CHUNK = 100
EACH_ONCE, OFTEN = 8, 20
"""Kills, each within a chunk of events: every victim once; every one twice, and some three times."""
STORED = "select count(*) n from inbox"


@pytest.mark.parametrize("kills", [EACH_ONCE, pytest.param(OFTEN, marks=pytest.mark.long)])
def test_kill_9_of_each_process_and_server_in_the_middle_of_events(world: World, kills: int) -> None:
    """Every acknowledged event is in the inbox once, relations equal WeCom's, each message arrives once (G1, G5)."""
    servers, supervisor = world.stack.servers, world.stack.supervisor
    before, events = world.number(STORED), kills * CHUNK
    victims: itertools.cycle[Callable[[], None]] = itertools.cycle(
        [
            lambda: supervisor.kill("gateway"),
            lambda: supervisor.kill("worker"),
            lambda: supervisor.kill("notifier"),
            servers.kill_postgres,
            lambda: supervisor.kill("gateway-2"),
            servers.kill_valkey,
            lambda: supervisor.kill("notifier-2"),
            lambda: supervisor.kill("worker-2"),
        ]
    )
    with kept_alive(world):
        for start in range(0, events, CHUNK):
            names = [f"客户{n:05d}" for n in range(start, start + CHUNK)]
            chosen = [world.userids[n % len(world.userids)] for n in range(start, start + CHUNK)]
            pairs = list(zip(chosen, names, strict=True))
            # Half of the chunk is on its way when the axe falls.
            world.corp.act([{"do": "add", "userid": u, "name": name} for u, name in pairs[: CHUNK // 2]])
            next(victims)()
            world.corp.act([{"do": "add", "userid": u, "name": name} for u, name in pairs[CHUNK // 2 :]])
            for userid, name in pairs:
                world.expected[userid, f"新客户：{name}"] += 1
            world.corp.flush()
            wait_for(_all_up(world), "the processes", patience_s=30)
        world.wait_until_quiet()
    assert world.number(STORED) - before == events
    world.assert_nothing_was_lost()


def test_database_away_under_load(world: World) -> None:
    """What is acknowledged while the database is away drains by itself when it is back (G1)."""
    _database_away(world, rounds=4)


@pytest.mark.long
def test_database_away_for_30_s_under_load(world: World) -> None:
    """The same for half a minute (G1)."""
    _database_away(world, rounds=15)


def _database_away(world: World, *, rounds: int) -> None:
    pause, before, failed = threading.Event(), world.number(STORED), _failed(world)
    world.add(world.userids[0], "在此之前")
    world.wait_until_quiet()
    world.stack.servers.stop_postgres()
    for number in range(rounds):
        for n in range(20):
            world.add(world.userids[n], f"断网{number:02d}-{n:02d}")
        world.corp.flush()
        pause.wait(2)
    assert _failed(world) == failed
    world.stack.servers.start_postgres()
    world.wait_until_quiet()
    assert world.number(STORED) - before == rounds * 20 + 1
    world.assert_nothing_was_lost()


def _failed(world: World) -> int:
    """Callbacks that WeCom had to send without an answer of 200."""
    return int(world.corp.get("/sim/callbacks")["failed"])


def _all_up(world: World) -> Callable[[], bool]:
    from commands.stack import answers

    probes = [answers(f"{address}/healthz") for address in world.stack.addresses.values()]
    return lambda: all(probe() for probe in probes)
