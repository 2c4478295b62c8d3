"""Whole systems: all processes, real servers, the simulator, in a home of their own."""

from collections.abc import Iterator

import pytest
import requests

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp, tell_at_once
from commands.stack import Stack
from commands.waiting import wait_for
from shared.settings import load_settings
from tests.flows.world import World

QUICK = {"LEASE_S": "3", "LOG_LEVEL": "warning", "WORKER_THREADS": "4", "NOTIFIER_THREADS": "8"}
ASSOCIATES = {f"sales{n:03d}": (f"导购{n:03d}", 2 + n % 3) for n in range(200)}
OUTLETS = {1: "总部", 2: "一店", 3: "二店", 4: "三店"}


@pytest.fixture(scope="module")
def two_of_each(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways on one address, two workers, two notifiers; one start a module, since it costs more than a story."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"), gateway_bind="127.0.0.1:0")
    with Stack(settings, simulator=True, workers=2, notifiers=2, gateways=2, consoles=0, extra=QUICK) as stack:
        yield stack


@pytest.fixture(scope="module")
def world(two_of_each: Stack) -> World:
    """A live corp with 200 associates and no customers; every callback is sent twice."""
    return make_world(two_of_each)


def make_world(stack: Stack, *, customers: int = 0) -> World:
    assert stack.simulator_url is not None
    corp = SimulatedCorp(stack.simulator_url)
    corp.post("/sim/limits", {"per_minute": 0, "per_hour": 0})
    corp.create([stack.addresses["gateway"]] * 2, associates=ASSOCIATES, outlets=OUTLETS)
    if customers:
        corp.add_customers(customers, userids=list(ASSOCIATES))
    made = World(stack, corp, stack.open_runtime(), list(ASSOCIATES))
    record_demo_corp(made.runtime)
    tell_at_once(made.runtime)
    wait_for(
        lambda: made.number("select count(*) n from tenant where state = 'live'") == 1, "the first sync", patience_s=180
    )
    wait_for(lambda: _all_know_the_corp(stack), "the gateways")
    return made


def _all_know_the_corp(stack: Stack) -> bool:
    """Each gateway reads the addresses for itself; of so many new connections to the shared one, each gets some."""
    url = f"{stack.addresses['gateway']}/callback/{CORP_ID}/main"
    return all(requests.get(url, timeout=5).status_code != 404 for _ in range(20))
