"""Steps and quiet hours."""

from datetime import timedelta

from services.reminders.model import Policy, Quiet, Wish
from services.reminders.store import record_own_quiet, record_policy, record_wish
from services.sops.model import Trigger
from shared.ids import UserId
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


def test_a_step_is_late_whatever_the_quiet_hours_of_who_is_told_beside(shop: SopShop):
    """Boss is told with LiNa, but only in the evening; LiNa was told at once (SOP-5)."""
    for userid, leaders in (("LiNa", ["Boss"]), ("Boss", [])):
        shop.run("insert into associate (tenant_id, userid, direct_leaders, in_sight, observed_at) "
                 "values (:t, :u, :l, true, :now)", t=shop.tenant.id, u=userid, l=leaders, now=shop.now)  # fmt: skip
    shop.do(record_wish, shop.tenant.id, "sop_step", 0, Wish(superior=True), by="x", now=shop.now)
    local = shop.now + timedelta(hours=8)
    quiet = Quiet((local - timedelta(hours=1)).time(), (local + timedelta(hours=10)).time())
    shop.do(record_own_quiet, shop.tenant.id, UserId("Boss"), quiet, by="x", now=shop.now)
    rule_id = shop.rule("新客", after(0), trigger=Trigger("event", event="visited"), overdue_after_s=3600)
    (one,) = shop.customers(1)
    shop.happen(one, "E1")
    shop.look()
    assert shop.rows("select recipient from outbox where notice = 'sop_step' and next_try_at > :now", now=shop.now) == [
        ("Boss",)
    ]
    shop.run("update outbox set state = 'sent', settled_at = :now where recipient = 'LiNa'", now=shop.now)
    shop.wait(timedelta(minutes=61))
    assert [state for _, state, _ in shop.states(rule_id)] == ["overdue"]
