"""Stages: by rule where a stage's switch is on, by hand else; what a person set stays."""

from threading import Thread

import pytest

from services.rules.book import lock_rules
from services.stages.model import NoStageError
from services.stages.store import record_stage_deleted
from tests.services.rules.shop import Shop, one

WARM, HOT = one("score", "between", {"min": 10}), one("score", "between", {"min": 20})


def test_the_last_stage_that_is_met_is_theirs(shop: Shop):
    """Whoever meets several stages of a line is in the last; who meets none any more leaves (STG-1)."""
    (customer,) = shop.customers(1)
    _, (_, warm, hot) = shop.line(None, WARM, HOT)
    for score, stage in ((0, None), (10, warm), (25, hot), (12, warm), (0, None)):
        shop.score([customer], score)
        shop.settle()
        assert shop.stage_of(customer) == stage, score
    told = [(fact["from_stage_id"], fact["to_stage_id"], fact["why"]) for fact in shop.facts("customer_stage_changed")]
    assert told == [(None, warm, "rule"), (warm, hot, "rule"), (hot, warm, "rule"), (warm, None, "rule")]


def test_what_a_person_set_stays_until_a_rule_finds_something_new(shop: Shop):
    """Falling back, or meeting what was met before, undoes no choice of a person; a newly met stage does (STG-1)."""
    (customer,) = shop.customers(1, score=10)
    _, (cold, warm, hot) = shop.line(None, WARM, HOT)
    shop.settle()
    shop.enter(cold, customer)
    for score, stage in ((11, cold), (0, cold), (10, warm)):
        shop.score([customer], score)
        shop.settle()
        assert shop.stage_of(customer) == stage, score
    shop.score([customer], 25)
    shop.settle()
    assert shop.stage_of(customer) == hot
    shop.enter(cold, customer)
    shop.score([customer], 15)
    shop.settle()
    assert shop.stage_of(customer) == cold  # warm was met all the time


def test_who_was_taken_out_by_hand_is_not_put_back_for_the_old_reason(shop: Shop):
    """Leaving by hand is a choice too (STG-1)."""
    (customer,) = shop.customers(1, score=10)
    line, (warm, hot) = shop.line(WARM, HOT)
    shop.settle()
    shop.leave(line, customer)
    shop.score([customer], 12)
    shop.settle()
    assert shop.stage_of(customer) is None
    shop.score([customer], 20)
    shop.settle()
    assert shop.stage_of(customer) == hot and warm


def test_switching_a_stage_to_by_hand_leaves_everybody_where_they_are(shop: Shop):
    """Rules do not call for it any more, and do not send anybody away either (STG-1)."""
    (customer,) = shop.customers(1, score=10)
    line, (warm,) = shop.line(WARM)
    shop.settle()
    with shop.runtime.engine.begin() as connection:
        lock_rules(connection, shop.tenant.id)
    shop.run("update stage set automatic = false where id = :id", id=warm)
    shop.run("update rule_run set after_id = 0, done_at = null")
    shop.score([customer], 0)
    shop.settle()
    assert shop.stage_of(customer) == warm and line


def test_setting_a_stage_twice_changes_nothing_twice(shop: Shop):
    """The time of entry stays, and nothing is told again (STG-1)."""
    (customer,) = shop.customers(1)
    _, (cold,) = shop.line(None)
    assert len(shop.enter(cold, customer).moved) == 1
    assert shop.enter(cold, customer).moved == []


def test_a_stage_with_customers_is_not_deleted_and_a_deleted_one_takes_nobody(shop: Shop):
    """Nobody is left in a stage that is not there (STG-1)."""
    (customer,) = shop.customers(1)
    _, (cold, other) = shop.line(None, None)
    shop.enter(cold, customer)
    assert shop.do(record_stage_deleted, shop.tenant.id, cold, now=shop.now) == 1
    assert shop.do(record_stage_deleted, shop.tenant.id, other, now=shop.now) == 0
    with pytest.raises(NoStageError):
        shop.enter(other, customer)
    assert shop.stage_of(customer) == cold


def test_a_person_and_a_rule_at_once_take_turns(shop: Shop):
    """Whatever the order, the customer is in one stage, and both come to their end (STG-1)."""
    customers = shop.customers(40)
    _, (cold, warm) = shop.line(None, WARM)
    shop.settle()
    shop.score(customers, 10)
    by_hand = Thread(target=lambda: [shop.enter(cold, *customers) for _ in range(5)])
    by_hand.start()
    shop.settle()
    by_hand.join()
    assert {shop.stage_of(one) for one in customers} <= {cold, warm}
    assert shop.rows("select count(*) from customer_stage") == [(40,)]
