"""A whole system: a loss becomes a card and a robot's post, a press a task; no part is called by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.demo_corp import ASSOCIATES, SimulatedCorp, record_demo_corp
from commands.stack import Stack
from commands.waiting import wait_for
from services.message_templates.model import Dress, Form
from services.message_templates.store import record_dress
from services.notices.model import RELATION_LOST
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.robots.store import add_robot
from shared.ids import UserId
from shared.settings import load_settings
from shared.tenants import load_tenants
from tests.flows.world import World

QUICK = {"LEASE_S": "3", "LOG_LEVEL": "warning"}
SET = {"by": "test"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings = load_settings(home=tmp_path, gateway_bind="127.0.0.1:0")
    with Stack(settings, simulator=True, workers=2, notifiers=2, consoles=0, extra=QUICK) as stack:
        assert stack.simulator_url is not None
        corp = SimulatedCorp(stack.simulator_url)
        corp.create([stack.addresses["gateway"]])
        made = World(stack, corp, stack.open_runtime(), list(ASSOCIATES))
        record_demo_corp(made.runtime)
        wait_for(lambda: made.number("select count(*) n from tenant where state = 'live'") == 1, "the first sync")
        yield made


def test_from_a_loss_to_a_task_and_a_post(world: World):
    """The threads of worker and notifier find presses, changes of cards and robots' messages by themselves (LOSS-2)."""
    key = world.corp.act({"do": "make_robot"})["key"]
    with world.runtime.engine.begin() as connection:
        (tenant,) = load_tenants(connection, world.runtime.vault)
        now = world.runtime.clock.now()
        record_policy(connection, tenant.id, Policy(administrators=(UserId("ZhaoMin"),)), now=now, **SET)
        record_wish(connection, tenant.id, RELATION_LOST, NOT_KNOWN, Wish(administrators=True), now=now, **SET)
        record_dress(connection, tenant.id, RELATION_LOST, Dress(Form.CARD), now=now, **SET)
        add_robot(connection, tenant, name="g", key=key, notices=[RELATION_LOST], enabled=True, now=now, **SET)
    contact = world.add("LiNa", "陈晨")
    world.wait_until_quiet()
    world.lose("LiNa", contact, "陈晨")

    def card() -> dict | None:
        return next((one for one in world.corp.messages("LiNa") if one["msgtype"] == "template_card"), None)

    wait_for(lambda: card() is not None, "the card")
    found = card()
    assert found is not None
    world.corp.act([{"do": "click_card", "userid": "LiNa", "msgid": found["msgid"], "key": "win_back"}] * 2)
    wait_for(lambda: "button" in (card() or {}).get("displayed", {}), "the change of the card")
    wait_for(lambda: world.corp.get(f"/sim/corps/{world.corp.corp_id}/look/robots")[0]["posts"], "the post")
    world.wait_until_quiet()
    wait_for(lambda: not world.number("select count(*) n from card_press where state = 'new'"), "the second press")
    assert (card() or {})["displayed"]["button"] == {"replace_name": "已加入待办"}
    assert world.number("select count(*) n from customer_task") == 1
    assert world.rows("select state, attempts from outbox where channel = 'wecom_card'") == [
        {"state": "sent", "attempts": 1}
    ]
    assert not world.corp.messages("ZhaoMin")
