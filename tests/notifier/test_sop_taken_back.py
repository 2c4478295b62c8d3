"""Steps of SOPs between the clock and the phone: what is taken back before it has surely arrived."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.erasing.store import erase
from services.reminders.model import Policy
from services.sops.ending import withdraw_of_rule
from services.sops.model import RuleState, Trigger
from shared.db.engine import run
from shared.ids import CustomerId
from shared.tenants import load_tenants
from tests.notifier.desk import Desk
from tests.notifier.test_folding import EVENING, NIGHT, TENANT, set_policy
from tests.services.rules.shop import Shop
from tests.services.sops.sopping import SopShop, after

MORNING = EVENING - timedelta(hours=12)
"""10:00 in Shanghai."""


@pytest.fixture
def shop(desk: Desk) -> SopShop:
    """The corp of the desk, where ZhaoMin leads LiNa; it is ten in the morning."""
    clock = desk.stop_the_clock(MORNING)
    with desk.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        for userid, leaders in (("LiNa", ["ZhaoMin"]), ("ZhaoMin", [])):
            run(connection, "insert into associate (tenant_id, userid, name, direct_leaders, observed_at) "
                "values (1, :u, :u, :leaders, :now)", u=userid, leaders=leaders, now=MORNING)  # fmt: skip
    return SopShop(Shop(desk.runtime, tenant, clock))


def begin(shop: SopShop, **ways: Any) -> int:
    """The first step of a rule is to be told to LiNa; the rule."""
    rule_id = shop.rule("新客", after(0), trigger=Trigger("event", event="visited"), **ways)
    (one,) = shop.customers(1)
    shop.happen(one, "E1")
    shop.look()
    return rule_id


def stop(shop: SopShop, rule_id: int) -> None:
    shop.stop(rule_id)
    shop.do(withdraw_of_rule, shop.tenant.id, rule_id, now=shop.now)


def confirm(shop: SopShop, rule_id: int) -> None:
    (step,) = shop.step_ids(rule_id)
    shop.confirm(1, step, by="api:crm")


def forget(shop: SopShop, rule_id: int) -> None:
    shop.do(erase, TENANT, [CustomerId(1)], now=shop.now)


@pytest.mark.parametrize("end", [stop, confirm, forget])
def test_a_try_without_an_answer_is_not_repeated_for_a_step_that_is_no_more(
    desk: Desk, shop: SopShop, end: Callable[[SopShop, int], None]
) -> None:
    """WeCom was away, and the rule is stopped, the step confirmed, the customer erased meanwhile (SOP-3, SOP-4)."""
    rule_id = begin(shop)
    desk.corp.post("/sim/faults", {"path": "message/send", "http_status": 502, "times": 1})
    desk.deliver()
    end(shop, rule_id)
    desk.deliver(after_s=600)
    assert desk.texts("LiNa") == []
    assert desk.rows("select state, attempts from outbox where notice = 'sop_step'") == [("withdrawn", 1)]


def test_what_has_surely_arrived_of_a_step_stays_on_the_phone(desk: Desk, shop: SopShop) -> None:
    """It can still be confirmed there (SOP-3)."""
    rule_id = begin(shop)
    desk.deliver()
    stop(shop, rule_id)
    assert desk.rows("select state, recall from outbox where notice = 'sop_step'") == [("sent", None)]


def test_what_a_stop_took_back_does_not_become_overdue(desk: Desk, shop: SopShop) -> None:
    """It waited for the morning; the rule goes on a minute later: nobody hears of it, nor that it is late (SOP-3)."""
    desk.at(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    rule_id = begin(shop, overdue_after_s=7200)
    stop(shop, rule_id)
    desk.at(EVENING + timedelta(minutes=1))
    shop.turn(rule_id, RuleState.RUNNING)
    assert [(state, why) for _, state, why in shop.states(rule_id)] == [("skipped", "past")]
    for hours in (3, 11, 14):
        desk.at(EVENING + timedelta(hours=hours))
        shop.look()
        desk.deliver()
    assert desk.texts("LiNa") == desk.texts("ZhaoMin") == []


def test_what_a_stop_left_in_doubt_does_not_become_overdue(desk: Desk, shop: SopShop) -> None:
    """Nobody knows whether it arrived: it can be confirmed, and is late for nobody (SOP-3)."""
    rule_id = begin(shop, overdue_after_s=7200)
    desk.corp.post("/sim/faults", {"path": "message/send", "http_status": 502, "times": 1})
    desk.deliver()
    stop(shop, rule_id)
    shop.turn(rule_id, RuleState.RUNNING)
    desk.at(MORNING + timedelta(hours=3))
    shop.look()
    assert [state for _, state, _ in shop.states(rule_id)] == ["reminded"]
    assert desk.rows("select 1 from outbox where notice = 'sop_overdue'") == []


def test_what_was_told_before_a_stop_becomes_overdue_when_the_rule_goes_on(desk: Desk, shop: SopShop) -> None:
    """It is on the phone, and to be confirmed (SOP-5)."""
    rule_id = begin(shop, overdue_after_s=7200)
    desk.deliver()
    stop(shop, rule_id)
    shop.turn(rule_id, RuleState.RUNNING)
    desk.at(MORNING + timedelta(hours=3))
    shop.look()
    assert [state for _, state, _ in shop.states(rule_id)] == ["overdue"]


def test_a_step_that_an_edit_removed_is_not_told(desk: Desk, shop: SopShop) -> None:
    """It waits for the morning and would have no words any more; the step that stays is told (SOP-3)."""
    desk.at(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    rule_id = shop.rule("新客", after(0), after(1, "bye"), trigger=Trigger("event", event="visited"))
    (one,) = shop.customers(1)
    shop.happen(one, "E1")
    shop.look()
    desk.at(EVENING + timedelta(minutes=1))
    shop.look()
    first, _ = shop.step_ids(rule_id)
    shop.edit(rule_id, after(0, id_=first), after(60 * 24 * 3, "later"))
    shop.look()
    assert [(state, why) for _, state, why in shop.states(rule_id)] == [("reminded", None), ("skipped", "past")]
    desk.deliver(after_s=timedelta(hours=11).total_seconds())
    (told,) = desk.corp.messages("LiNa")
    assert "您好" in told["payload"]["description"]
