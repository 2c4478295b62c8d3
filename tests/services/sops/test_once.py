"""Two schedulers at once, and one that is killed between any two statements: no step twice, none lost (SOP-6, G5)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from services.sops.clock import rules_due
from services.sops.model import Trigger
from shared.db.engine import run
from sync_worker.cards import make_all_due
from sync_worker.sops import follow_all_sops, follow_sops
from tests.notifier.test_lock_order import meanwhile
from tests.services.sops.sopping import SopShop, after
from tests.services.sops.test_year import killed_after

EVENT = Trigger("event", event="visited")


def busy(shop: SopShop, customers: int) -> int:
    """Everybody has come in by an event, and two steps are due."""
    rule_id = shop.rule("r", after(0), after(1), after(600), trigger=EVENT, overdue_after_s=60)
    for n, one in enumerate(shop.customers(customers)):
        shop.happen(one, f"E{n}")
    make_all_due(shop.runtime, shop.shop.directory)  # what happened waits for the customer's card
    shop.shop.pass_time(timedelta(minutes=2))
    return rule_id


def told(shop: SopShop) -> list[tuple[object, ...]]:
    return shop.rows(
        "select payload ->> 'customer_id', payload ->> 'step_id', count(*) from fact where type = 'sop_step_due' "
        "group by 1, 2 order by 1, 2"
    )


def test_two_schedulers_at_once_tell_each_step_once(shop: SopShop):
    """They lock different rows; whatever both reach for, one gets (SOP-6)."""
    busy(shop, 60)
    shop.look()
    shop.shop.pass_time(timedelta(minutes=600))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(follow_all_sops, shop.runtime, shop.shop.directory) for _ in range(4)]:
            done.result()
    assert len(told(shop)) == 180
    assert {n for _, _, n in told(shop)} == {1}


@pytest.mark.parametrize("offset", range(2))
def test_whoever_is_killed_between_any_two_statements_loses_and_repeats_nothing(shop: SopShop, offset: int):
    """One dies before its first statement, the next before its second, ... commits among them (SOP-6)."""
    rule_id = busy(shop, 4)
    for statements in range(1 + offset, 120, 2):
        with killed_after(shop, statements):
            follow_sops(shop.runtime, shop.shop.directory)
    assert shop.rows("select count(*) from sop_progress") == [(8,)]  # one came through
    shop.look()
    first, second, _ = shop.step_ids(rule_id)
    assert [(step, n) for _, step, n in told(shop)] == [(str(first), 1), (str(second), 1)] * 4
    shop.wait(timedelta(minutes=1))
    for statements in range(1 + offset, 40, 2):
        with killed_after(shop, statements):
            follow_sops(shop.runtime, shop.shop.directory)
    shop.look()
    ((overdue,),) = shop.rows("select count(*) from fact where type = 'sop_step_overdue'")
    assert overdue == 8


def test_asking_who_is_due_reads_none_of_those_who_wait(shop: SopShop):
    """Each second, of each rule: the first entry of an index, however many are on their way (SOP-6)."""
    rule_id = shop.rule("r", after(600), trigger=EVENT)
    shop.run(
        "insert into sop_enrolment (tenant_id, rule_id, customer_id, source_key, anchor_at, entered_at, entered_by, "
        "version, next_at, next_step_id) select :t, r.id, n, 'x' || n, :now, :now, 'x', r.version, "
        "cast(:now as timestamptz) + make_interval(mins => n), 1 from sop_rule r, generate_series(1, 5000) n "
        "where r.id = :r",
        t=shop.tenant.id, r=rule_id, now=shop.now,
    )  # fmt: skip
    shop.run("analyze sop_enrolment")
    with shop.runtime.engine.begin() as connection:
        assert rules_due(connection, now=shop.now) == []
        read = connection.execute(text("select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from "
                                       "pg_stat_xact_user_tables where relname like 'sop_enrolment%'"))  # fmt: skip
        assert read.scalar_one() < 10
        assert len(rules_due(connection, now=shop.now + timedelta(minutes=1))) == 1


def test_whoever_confirms_a_step_waits_for_whoever_holds_the_customer(shop: SopShop):
    """It is a contact: who tells of silence meanwhile sees it, or is taken back by it (STG-2, SOP-7)."""
    rule_id = busy(shop, 1)
    shop.look()
    first, *_ = shop.step_ids(rule_id)
    engine = shop.runtime.engine
    with engine.connect() as mine:
        run(mine, "select from customer for update")
        then = partial(run, mine, "select from sop_enrolment for update")
        meanwhile(engine, mine, partial(shop.confirm, 1, first), then)
    assert shop.rows("select state from sop_progress where step_id = :id", id=first) == [("done",)]
