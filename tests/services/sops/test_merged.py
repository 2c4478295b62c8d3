"""Two people in one rule become one: nothing is lost, what was told stays and can be confirmed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta

import pytest
from sqlalchemy import Engine

from commands.waiting import wait_for
from services.erasing.store import erase
from services.merging.merge import merge
from services.merging.undo import undo
from services.message_cards.model import Button
from services.message_cards.pages import press_on_page
from services.notices.settled import Says
from services.reminders.model import Policy, Quiet
from services.reminders.store import record_policy
from services.sops.model import Trigger
from shared.audit import Origin, record_audit
from shared.ids import CustomerId, OutboxId, UserId
from tests.services.sops.sopping import SopShop, after
from tests.services.sops.test_ends import counted, states_of_messages, totals

VISITED = Trigger("event", event="visited")
HOUR = timedelta(hours=1)


def two(shop: SopShop) -> tuple[int, int]:
    """LiNa's customer, a contact, and WangFang's, who is none."""
    a, b = shop.customers(2)
    for table in ("relation", "external_contact"):
        shop.run(f"delete from {table} where external_userid = :wm", wm=f"wm{b}")
    shop.assign(b, "WangFang")
    return a, b


def join(shop: SopShop, a: int, b: int) -> int:
    done = shop.do(merge, shop.tenant, CustomerId(a), CustomerId(b), by="x", now=shop.now)
    shop.do(record_audit, shop.tenant, done.changes, Origin("x", None, shop.now))
    return int(done.merge_id)


def part(shop: SopShop, merge_id: int) -> None:
    done = shop.do(undo, shop.tenant, merge_id, by="x", now=shop.now)
    shop.do(record_audit, shop.tenant, done.changes, Origin("x", None, shop.now))


def night_falls(shop: SopShop) -> None:
    """From now on it is quiet until the evening."""
    shop.do(record_policy, shop.tenant.id, Policy(quiet=Quiet(time(4), time(23))), by="x", now=shop.now)


def send(shop: SopShop) -> None:
    shop.run("update outbox set state = 'sent', settled_at = :now where state = 'due'", now=shop.now)


def waits_for_a_lock(engine: Engine) -> bool:
    sql = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(sql).all())


def steps(shop: SopShop) -> list[tuple[int, int, str]]:
    return shop.rows("select enrolment_id, step_id, state from sop_progress order by 1, 2")


@pytest.mark.parametrize(
    ("reentry", "lies_between", "told"),
    [
        ("each", timedelta(days=6), True),
        ("each", HOUR, True),
        ("after_end", HOUR, True),
        ("never", timedelta(days=6), True),
        ("never", HOUR, False),
    ],
)
def test_what_the_master_was_told_before_for_another_reason_hushes_nothing(
    shop: SopShop, reentry: str, lies_between: timedelta, told: bool
):
    """The master's was told and confirmed, the other's waits: it goes out, unless the rule is for once in a lifetime
    and that was just now (SOP-1, SOP-6, CUS-9)."""
    shop.rule("r", after(0), trigger=VISITED, reentry=reentry)
    a, b = two(shop)
    shop.happen(a, "E1")
    shop.look()
    send(shop)
    shop.confirm(1, 1)
    shop.wait(lies_between)
    night_falls(shop)
    shop.happen(b, "E2")
    shop.look()
    join(shop, a, b)
    assert states_of_messages(shop) == [("1", "sent"), ("2", "due" if told else "withdrawn")]
    assert steps(shop) == [(1, 1, "done"), (2, 1, "reminded" if told else "skipped")]


def test_each_way_of_a_rule_that_lets_one_have_several_goes_on(shop: SopShop):
    """Nothing of `each` gives way in a merge, nor when it is undone (SOP-1, CUS-9)."""
    rule_id = shop.rule("r", after(0), after(60), trigger=VISITED, reentry="each")
    a, b = two(shop)
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    merge_id = join(shop, a, b)
    whose = "select customer_id, state from sop_enrolment where rule_id = :r order by id"
    assert shop.rows(whose, r=rule_id) == [(a, "running"), (a, "running")]
    assert states_of_messages(shop) == [("1", "due"), ("2", "due")]
    part(shop, merge_id)
    assert shop.rows(whose, r=rule_id) == [(a, "running"), (b, "running")]
    join(shop, a, b)
    shop.wait(HOUR)
    assert [(whom, step) for whom, step, _ in shop.reminded()][2:] == [(str(a), 2), (str(a), 2)]
    assert totals(shop) == counted(shop)


def test_a_reminder_of_the_master_that_came_to_nothing_hushes_nothing(shop: SopShop):
    """Theirs was refused, that of the other waits (SOP-6, CUS-9)."""
    shop.rule("r", after(0), trigger=VISITED)
    a, b = two(shop)
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    shop.run("update outbox set state = 'refused', settled_at = :now where id = (select min(id) from outbox)",
             now=shop.now)  # fmt: skip
    join(shop, a, b)
    assert states_of_messages(shop) == [("1", "refused"), ("2", "due")]


def test_a_step_that_is_ahead_of_the_master_is_told_then(shop: SopShop):
    """The other was a step further, and that waits: it is told on the way that stays, once (SOP-6, CUS-9)."""
    shop.rule("r", after(0), after(60), trigger=VISITED)
    a, b = two(shop)
    shop.happen(b, "E1")
    shop.look()
    shop.shop.pass_time(HOUR)
    shop.happen(a, "E2")
    shop.look()
    send(shop)
    shop.run("update outbox set state = 'due' where reason = 'sop:1:2'")
    join(shop, a, b)
    shop.wait(HOUR)
    assert [(whom, step) for whom, step, _ in shop.reminded()] == [(str(b), 1), (str(b), 2), (str(a), 1), (str(a), 2)]
    assert states_of_messages(shop) == [("1", "sent"), ("1", "withdrawn"), ("2", "sent"), ("2", "due")]


@pytest.mark.parametrize("minutes", [20, 90])
def test_what_was_told_before_a_merge_stays_on_the_phone_and_can_be_confirmed(shop: SopShop, minutes: int):
    """Its way gave way; its card and page still do what they say, and nobody is told that it is overdue beside the
    master's (SOP-4, SOP-5, SOP-7, CUS-9)."""
    shop.rule("r", after(0), after(600), trigger=VISITED, overdue_after_s=7200)
    a, b = two(shop)
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    send(shop)
    shop.shop.pass_time(timedelta(minutes=minutes))
    merge_id = join(shop, a, b)
    assert shop.rows("select state, recall from outbox order by id") == [("sent", None)] * 2
    shop.wait(3 * HOUR)
    assert shop.rows("select payload ->> 'enrolment_id' from fact where type = 'sop_step_overdue'") == [("1",)]
    says = shop.do(press_on_page, shop.tenant, OutboxId(2), Button.DONE, selected={}, by=UserId("WangFang"),
                   address=None, now=shop.now, ttl_s=86_400)  # fmt: skip
    assert says is Says.DONE
    assert steps(shop) == [(1, 1, "overdue"), (2, 1, "done")]
    done = "select cast(payload ->> 'customer_id' as bigint), payload ->> 'by' from fact where type = 'sop_step_done'"
    assert shop.rows(done) == [(a, "associate:WangFang")]
    part(shop, merge_id)
    assert totals(shop) == counted(shop)


def test_whoever_merges_and_whoever_confirms_do_not_wait_for_each_other(shop: SopShop):
    """One holds the way, comes to its step and then to its message, and so does the other (0032)."""
    shop.rule("r", after(0), after(600), trigger=VISITED)
    a, b = two(shop)
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    with ThreadPoolExecutor(1) as pool, shop.runtime.engine.connect() as confirming:
        confirming.exec_driver_sql("select from sop_enrolment where id = 2 for update")
        merging = pool.submit(join, shop, a, b)
        wait_for(lambda: waits_for_a_lock(shop.runtime.engine), "the merge")
        confirming.exec_driver_sql("set local lock_timeout = '2s'")
        confirming.exec_driver_sql("select from sop_progress where enrolment_id = 2 for update")
        confirming.exec_driver_sql("select from outbox where reason = 'sop:2:1' for update")
        confirming.commit()
        merging.result(10)
    assert states_of_messages(shop) == [("1", "due"), ("2", "withdrawn")]


def test_a_way_that_gave_way_is_nothing_to_tell_of_somebody_deleted(shop: SopShop):
    """What waits of it goes out no more (CUS-8)."""
    shop.rule("r", after(0), after(6000), trigger=VISITED)
    a, b = two(shop)
    shop.happen(a, "E1")
    shop.look()
    send(shop)
    shop.wait(timedelta(days=2))
    shop.happen(b, "E2")
    shop.look()
    join(shop, a, b)
    assert states_of_messages(shop) == [("1", "sent"), ("2", "due")]
    shop.do(erase, shop.tenant.id, [CustomerId(a)], now=shop.now)
    assert states_of_messages(shop) == [("1", "sent"), ("2", "withdrawn")]
