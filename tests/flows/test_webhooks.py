"""From an event in WeCom to the retailer's own system, with notifiers killed on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.demo_corp import ASSOCIATES, SimulatedCorp, record_demo_corp
from commands.stack import Stack
from commands.waiting import wait_for
from services.webhooks.model import USUAL_CAUSES
from services.webhooks.store import add_endpoint, new_secret
from shared.settings import load_settings
from shared.tenants import load_tenants
from tests.flows.world import World
from tests.notifier.webhooks.sink import Reply, Sink, sink

QUICK = {
    "LEASE_S": "3",
    "LOG_LEVEL": "warning",
    "WEBHOOK_CONNECT_TIMEOUT_S": "0.5",
    "WEBHOOK_READ_TIMEOUT_S": "0.5",
    "WEBHOOK_BACKOFF_S": "[0.2, 0.2, 0.2, 0.2, 0.2]",
    "WEBHOOK_PAUSE_S": "[0.2]",
}
FOUND = "select 'fact_' || id as id from fact where cause <> 'bootstrap'"


@pytest.fixture
def receiver() -> Iterator[Sink]:
    with sink() as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, receiver: Sink) -> Iterator[World]:
    """A live corp with customers, whose facts since its first sync go to the receiver."""
    settings = load_settings(home=tmp_path, gateway_bind="127.0.0.1:0")
    with Stack(settings, simulator=True, notifiers=2, consoles=0, extra=QUICK) as stack:
        assert stack.simulator_url is not None
        corp = SimulatedCorp(stack.simulator_url)
        corp.create([stack.addresses["gateway"]])
        corp.add_customers(20, userids=list(ASSOCIATES))
        made = World(stack, corp, stack.open_runtime(), list(ASSOCIATES))
        record_demo_corp(made.runtime)
        with made.runtime.engine.begin() as connection:
            (tenant,) = load_tenants(connection, made.runtime.vault)
            chosen = {"fact_types": None, "causes": USUAL_CAUSES, "by": "Chen Jing", "now": made.runtime.clock.now()}
            add_endpoint(connection, tenant, url=receiver.url, secret=new_secret(), **chosen)  # type: ignore[arg-type]
        wait_for(lambda: made.number("select count(*) n from tenant where state = 'live'") == 1, "the first sync")
        yield made


def test_every_fact_reaches_the_receiver_however_it_behaves_and_whoever_is_killed(world: World, receiver: Sink):
    """What is in the table of facts has been received, under its id, and associates were told (G5, G10)."""
    receiver.replies = [Reply(500), Reply(reset=True), Reply(429, {"retry-after": "1"}), Reply(302)]
    for number in range(40):
        world.add(world.userids[number % len(world.userids)], f"客户{number:02d}")
        if number in (10, 25):
            world.stack.supervisor.kill("notifier")
            world.stack.supervisor.kill("notifier-2")
    world.wait_until_quiet()
    wait_for(lambda: world.number("select count(*) n from outbox where state = 'queued'") == 0, "the webhooks")
    facts = {row["id"] for row in world.rows(FOUND)}
    assert facts == set(receiver.ids()) and len(facts) >= 80
    assert not world.rows("select id, state from outbox where state not in ('sent', 'folded')")
    assert world.phones() == world.expected
    bodies: dict[str, set[bytes]] = {}
    for got in receiver.got:
        bodies.setdefault(got.id, set()).add(got.body)
    assert {len(one) for one in bodies.values()} == {1}
    assert not any("客户".encode() in got.body for got in receiver.got)
