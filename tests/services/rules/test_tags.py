"""Automatic tags: given when their rule is met, taken when not any more, as data change (TAG-5)."""

from datetime import timedelta

import pytest

from sync_worker.cards import make_due_cards
from sync_worker.ruling import Ruling
from tests.services.rules.shop import Shop, one

RICH = one("score", "between", {"min": 10})


def test_a_new_rule_runs_over_everybody(shop: Shop):
    """Whoever meets it has the tag, nobody else, and the run says how far it is (TAG-5)."""
    rich, _poor = shop.customers(3, score=10), shop.customers(2)
    shop.settle()
    tag = shop.tag()
    rule = shop.rule(tag, RICH)
    shop.settle()
    assert shop.tagged(tag) == rich
    assert shop.rows("select seen_count, changed_count, total_count, done_at is not null from rule_run") == [
        (5, 3, 5, True)
    ]
    assert shop.rows("select distinct by_whom from customer_tag") == [(f"rule:{rule}",)]
    assert shop.facts("local_tag_given") == [{"tag_id": tag, "customer_ids": rich}]


def test_a_changed_fact_gives_and_takes_the_tag(shop: Shop):
    """No run over everybody is needed: what a card shows is enough (TAG-5)."""
    (customer,) = shop.customers(1)
    tag = shop.tag()
    shop.rule(tag, RICH)
    shop.settle()
    shop.score([customer], 10)
    make_due_cards(shop.runtime, shop.directory)
    assert shop.tagged(tag) == [customer]
    shop.score([customer], 9)
    shop.settle()
    assert shop.tagged(tag) == []
    told = [(one["added_tag_ids"], one["removed_tag_ids"]) for one in shop.facts("customer_tagged")]
    assert told == [([tag], []), ([], [tag])]


def test_a_rule_that_asks_for_a_rules_tag_follows_it(shop: Shop):
    """Rules may build on one another; a chain comes to rest (TAG-5)."""
    (customer,) = shop.customers(1)
    first, second = shop.tag(), shop.tag()
    shop.rule(first, RICH)
    shop.rule(second, one("tag", "any_of", [f"local:{first}"]))
    shop.settle()
    shop.score([customer], 10)
    shop.settle()
    assert shop.tagged(second) == [customer]
    shop.score([customer], 0)
    shop.settle()
    assert shop.tagged(first) == shop.tagged(second) == []


def test_what_time_moves_is_found_each_day(shop: Shop):
    """A rule about the last days changes whom it finds without any fact: T+1, in the corp's day (TAG-5)."""
    (customer,) = shop.customers(1)
    tag = shop.tag()
    shop.rule(tag, one("created", "within", {"days": 7}))
    shop.settle()
    assert shop.tagged(tag) == [customer]
    shop.pass_time(timedelta(days=7))
    shop.settle()
    assert shop.tagged(tag) == []
    asked = shop.rows("select asked_by, asked_at from rule_run")
    shop.pass_time(timedelta(hours=2))
    shop.settle()
    assert asked[0][0] == "daily" and shop.rows("select asked_by, asked_at from rule_run") == asked


def test_an_associate_with_another_name_is_found_the_next_day(shop: Shop):
    """No card shows what associates are called: rules on their names are asked each day (TAG-5, CUS-2)."""
    (customer,) = shop.customers(1)
    shop.run("insert into associate (tenant_id, userid, name, observed_at) values (:t, 'LiNa', '李娜', :now)",
             t=shop.tenant.id, now=shop.now)  # fmt: skip
    shop.run("update customer set assigned_userid = 'LiNa', assigned_at = :now", now=shop.now)
    tag = shop.tag()
    shop.rule(tag, one("assigned_name", "contains", "王"))
    shop.settle()
    shop.run("update associate set name = '王娜'")
    shop.settle()
    assert shop.tagged(tag) == []
    shop.pass_time(timedelta(days=1))
    shop.settle()
    assert shop.tagged(tag) == [customer]


def test_a_tag_that_was_deleted_is_given_no_more(shop: Shop):
    """Deleting the tag ends its rule, whoever deletes it (TAG-1)."""
    customers = shop.customers(2, score=10)
    tag = shop.tag()
    shop.rule(tag, RICH)
    shop.run("update local_tag set deleted_at = :now", now=shop.now)
    shop.settle()
    assert customers and shop.tagged(tag) == []


def test_a_merged_customer_gets_nothing(shop: Shop):
    """Who stands for another one has neither card nor tags of their own."""
    first, second = shop.customers(2, score=10)
    tag = shop.tag()
    shop.rule(tag, RICH)
    shop.run("update customer set merged_into = :a where id = :b", a=first, b=second)
    shop.settle()
    assert shop.tagged(tag) == [first]


def _statements(shop: Shop, customer: int, score: int) -> list[str]:
    shop.ruling.step()
    shop.score([customer], score)
    seen = shop.watch()
    make_due_cards(shop.runtime, shop.directory, shop.ruling)
    return list(seen)


def test_a_fact_costs_the_same_with_five_hundred_rules_that_do_not_concern_it(shop: Shop):
    """Statements for one fact with one concerned rule: as many beside none as beside 500 others, and the same ones."""
    (customer,) = shop.customers(1)
    tag = shop.tag()
    shop.rule(tag, RICH)
    shop.settle()
    make_due_cards(shop.runtime, shop.directory, shop.ruling)
    _statements(shop, customer, 20)  # the book is read once
    alone = _statements(shop, customer, 5)
    assert shop.tagged(tag) == []
    for _ in range(500):
        shop.rule(shop.tag(), one("level", "equals", "gold"))
    shop.settle()
    _statements(shop, customer, 20)
    beside = _statements(shop, customer, 5)
    assert shop.tagged(tag) == [] and beside[: len(alone)] == alone and len(alone) < 40


def test_a_look_that_finds_nothing_new_writes_nothing(shop: Shop):
    """A concerned rule whose answer stays the same is one statement that reads."""
    (customer,) = shop.customers(1, score=50)
    shop.rule(shop.tag(), RICH)
    shop.settle()
    make_due_cards(shop.runtime, shop.directory, shop.ruling)
    seen = _statements(shop, customer, 51)
    assert not any("customer_tag" in one and ("insert into customer_tag" in one) for one in seen)
    assert not any("for no key update" in one for one in seen)


def test_a_rule_whose_statement_fails_holds_up_neither_cards_nor_other_rules(shop: Shop):
    """It is asked again for everybody, and then says that it could not be (TAG-5)."""
    (customer,) = shop.customers(1)
    bad, good = shop.tag(), shop.tag()
    shop.rule(bad, one("level", "empty"))
    shop.rule(good, RICH)
    shop.settle()
    shop.run("alter table customer_event rename to customer_event_away")
    shop.rule(bad_too := shop.tag(), one("event", "is", {"kind": "visited"}))
    shop.settle()
    shop.run("alter table customer_event_away rename to customer_event")
    shop.score([customer], 10)
    shop.settle()
    assert shop.tagged(good) == [customer] and shop.tagged(bad_too) == []
    problems = shop.rows("select problem from rule_run where problem is not null")
    assert len(problems) == 1 and "could not be asked" in problems[0][0]


@pytest.mark.parametrize("page", [1, 2])
def test_a_run_goes_on_where_it_was_killed(shop: Shop, page: int):
    """A page and the place behind it are one commit; a page that was not committed is done again (TAG-5)."""
    rich = shop.customers(5, score=10)
    tag = shop.tag()
    shop.settle()
    shop.rule(tag, RICH)
    shop.ruling = Ruling(shop.runtime, shop.directory, page=page)
    for _ in range(2):
        shop.ruling.step()
    killed = shop.runtime.engine.connect()
    killed.begin()
    assert shop.ruling._page_in(killed, shop.tenant) == 1
    killed.close()  # rolled back, as when the process is killed
    again = Ruling(shop.runtime, shop.directory, page=page)
    for _ in range(9):
        again.step()
    assert shop.tagged(tag) == rich
    told = [one for fact in shop.facts("local_tag_given") for one in fact["customer_ids"]]
    told += [fact["customer_id"] for fact in shop.facts("customer_tagged")]
    assert sorted(told) == rich
