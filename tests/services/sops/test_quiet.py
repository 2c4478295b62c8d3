"""Steps and quiet hours."""

from datetime import timedelta

from services.reminders.model import Policy, Quiet
from services.reminders.store import record_policy
from services.sops.model import Trigger
from tests.services.sops.sopping import SopShop, after


def test_a_step_is_not_overdue_before_its_reminder_could_go_out(shop: SopShop):
    """Due in quiet hours, it is told at their end, and its time to be done runs from there (SOP-5)."""
    local = (shop.now + timedelta(hours=8)).replace(second=0, microsecond=0)
    quiet = Quiet((local - timedelta(hours=1)).time(), (local + timedelta(hours=3)).time())
    shop.do(lambda connection: record_policy(connection, shop.tenant.id, Policy(quiet=quiet), by="x", now=shop.now))
    rule_id = shop.rule(
        "新客", after(0), after(10_000), trigger=Trigger("event", event="visited"), overdue_after_s=3600
    )
    (one,) = shop.customers(1)
    shop.happen(one, "E1")
    shop.look()
    shop.wait(timedelta(hours=2))
    assert [state for _, state, _ in shop.states(rule_id)] == ["reminded"]
    shop.wait(timedelta(hours=1, minutes=30))
    assert [state for _, state, _ in shop.states(rule_id)] == ["reminded"]
    shop.wait(timedelta(minutes=31))
    assert [state for _, state, _ in shop.states(rule_id)] == ["overdue"]
