"""Scores and points: each behaviour counts once for a rule, and a balance is the sum of its ledger (CUS-11)."""

from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from commands.waiting import wait_for
from services.chosen import these
from services.scores.adjusting import adjust_page
from services.scores.counting import count_behaviours
from services.scores.model import Account, Behaviour, ScoreRule
from services.scores.plan import plan_entries, sums
from services.scores.store import allow_below_zero, record_score_rule
from shared.ids import CustomerId
from tests.services.rules.shop import Shop, fetch_sum

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def rule(shop: Shop, behaviour: str, amount: int, **more: object) -> int:
    values = {"account": Account.SCORE, "each": None, "per_day": None, **more}
    made = shop.do(record_score_rule, shop.tenant.id, name=f"{behaviour} {amount} {more}", behaviour=behaviour,
                   amount=amount, by="x", now=shop.now, **values)  # fmt: skip
    return int(made.id)


def balances(shop: Shop, account: str = "score") -> dict[int, int]:
    return dict(shop.rows(f"select customer_id, {account} from customer_score where {account} <> 0"))  # type: ignore[arg-type]


def adjust(shop: Shop, amount: int, *ids: int, account: Account = Account.POINTS) -> object:
    return shop.do(adjust_page, shop.tenant, these(shop.tenant.id, ids), account, amount, reason="gift", by_whom="Chen",
                   now=shop.now)  # fmt: skip


def test_each_event_counts_once_and_only_of_its_kind(shop: Shop):
    """A repeat is no second event, another kind no event of the rule (CUS-11)."""
    first, second = shop.customers(2)
    rule(shop, "event:visited", 5)
    for n in ("a", "a", "b"):
        shop.happen(first, n)
    shop.happen(second, "c", kind="shared")
    shop.settle()
    shop.happen(first, "a")
    shop.settle()
    assert balances(shop) == {first: 10} == fetch_sum(shop, "score")
    assert shop.facts("customer_score_changed")[0]["balance"] == 10


def test_a_purchase_counts_by_its_amount_and_a_refund_takes_back(shop: Shop):
    """Paid once counts once, however often its state is told; another currency is worth nothing (CUS-11, CUS-15)."""
    (customer,) = shop.customers(1)
    rule(shop, "purchase", 1, account=Account.POINTS, each=1000)
    rule(shop, "refund", -1, account=Account.POINTS, each=1000)
    for status in ("pending", "paid", "shipped", "completed"):
        shop.order(customer, "T-1", status=status, amount=25_999)
    shop.order(customer, "T-2", amount=9_000, currency="USD")
    shop.settle()
    assert balances(shop, "points") == {customer: 25}
    shop.order(customer, "T-1", status="refunded", amount=25_999)
    shop.settle()
    assert balances(shop, "points") == {} and fetch_sum(shop, "points") == {customer: 0}


def test_a_tag_counts_when_it_is_gained_and_once_only(shop: Shop):
    """Who had it before the rule gains nothing; losing and gaining it again counts no second time (CUS-11)."""
    had, gains = shop.customers(2)
    tag = shop.tag("manual")
    give = (
        "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) values (:t, :c, :tag, :now, 'x')"
    )
    values = {"t": shop.tenant.id, "tag": tag, "now": shop.now}
    shop.run(give, c=had, **values)
    shop.settle()
    rule(shop, f"tag:local:{tag}", 7)
    for _ in range(2):
        shop.run(give, c=gains, **values)
        shop.score([had], 1)  # their card is made anew
        shop.settle()
        shop.run("delete from customer_tag where customer_id = :c", c=gains)
        shop.settle()
    assert fetch_sum(shop, "score") == {gains: 7}


def test_so_many_a_day_count_in_the_corps_own_day(shop: Shop):
    """16:00 UTC is midnight in China (CUS-11)."""
    (customer,) = shop.customers(1)
    rule(shop, "event:visited", 1, per_day=2)
    for n, hours in enumerate((10, 11, 12, 14.5, 15)):
        shop.happen(customer, f"e{n}", at=NOW + timedelta(hours=hours))
        shop.settle()
    assert fetch_sum(shop, "score") == {customer: 4}


def test_what_was_before_the_rule_does_not_count(shop: Shop):
    """A shop that tells last year's events makes nobody rich (CUS-11)."""
    (customer,) = shop.customers(1)
    rule(shop, "event:visited", 1)
    shop.happen(customer, "old", at=NOW - timedelta(days=365))
    shop.settle()
    assert balances(shop) == {}


def test_a_kill_while_counting_counts_nothing_twice_and_loses_nothing(shop: Shop):
    """Taking the mark and entering the ledger are one commit (CUS-11)."""
    (customer,) = shop.customers(1)
    rule(shop, "event:visited", 5)
    shop.happen(customer, "a")
    with shop.runtime.engine.connect() as connection:
        assert count_behaviours(connection, shop.tenant, now=shop.now)[0] == 1
    shop.settle()
    assert balances(shop) == {customer: 5} == fetch_sum(shop, "score")


def test_two_processes_keep_to_the_limit_of_a_day_together(shop: Shop):
    """The second waits for the customer until the first has entered what it counts (CUS-11)."""
    (customer,) = shop.customers(1)
    rule(shop, "event:visited", 5, per_day=1)
    for n in ("a", "b"):
        shop.happen(customer, n)
    second = Thread(target=lambda: shop.do(count_behaviours, shop.tenant, now=shop.now))
    with shop.runtime.engine.begin() as connection:
        assert count_behaviours(connection, shop.tenant, now=shop.now, limit=1)[0] == 1
        second.start()
        waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        wait_for(lambda: not second.is_alive() or shop.rows(waits) != [], "the second to come to the customer")
    second.join()
    assert balances(shop) == {customer: 5} and not shop.rows("select 1 from behaviour_due")


def test_points_that_are_not_there_cannot_be_taken_unless_allowed(shop: Shop):
    """By hand those who have too few are left out and named (CUS-11)."""
    rich, poor = shop.customers(2)
    adjust(shop, 10, rich)
    done = adjust(shop, -5, rich, poor)
    assert (done.changed, done.too_few) == ([rich], [poor])  # type: ignore[attr-defined]
    shop.do(allow_below_zero, shop.tenant.id, True)
    adjust(shop, -5, rich, poor)
    assert balances(shop, "points") == {poor: -5} and fetch_sum(shop, "points") == {rich: 0, poor: -5}


def test_the_ledger_is_only_added_to(shop: Shop):
    """Not even by hand in the database is an entry's amount changed (CUS-11)."""
    (customer,) = shop.customers(1)
    adjust(shop, 10, customer)
    with pytest.raises(DBAPIError):
        shop.run("update score_entry set amount = 1")


def test_two_who_adjust_and_one_who_counts_at_once_lose_nothing(shop: Shop):
    """sum(ledger) = balance, whoever writes at the same time (CUS-11)."""
    customers = shop.customers(10)
    rule(shop, "event:visited", 3)
    for n, customer in enumerate(customers * 5):
        shop.happen(customer, f"e{n}")
    hands = [
        Thread(target=lambda sign=sign: [adjust(shop, 1, *customers[::sign], account=Account.SCORE) for _ in range(5)])
        for sign in (1, -1)
    ]
    for hand in hands:
        hand.start()
    shop.settle()
    for hand in hands:
        hand.join()
    assert balances(shop) == dict.fromkeys(customers, 25) == fetch_sum(shop, "score")


behaviours = st.lists(
    st.tuples(
        st.integers(1, 2), st.sampled_from(["event:a", "event:b", "refund"]), st.integers(1, 6), st.integers(0, 1)
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(told=behaviours, cut=st.integers(0, 20), limit=st.one_of(st.none(), st.integers(1, 2)))
def test_batches_decide_as_one_would_and_points_never_fall_below_none(
    told: list[tuple[int, str, int, int]], cut: int, limit: int | None
):
    """However behaviours are cut into batches: the same entries, none twice, no points below 0 (CUS-11)."""
    rules = [
        ScoreRule(1, Account.POINTS, "a", "event:a", 5, None, limit, NOW),
        ScoreRule(2, Account.POINTS, "b", "event:b", -7, None, None, NOW),
        ScoreRule(3, Account.SCORE, "r", "refund", -2, None, limit, NOW),
    ]
    given_ = [Behaviour(CustomerId(c), b, f"{b}{k}", NOW, date(2026, 11, 22 + d)) for c, b, k, d in told]
    whole = plan_entries(given_, rules, known=set(), counts={}, balances={}, below_zero=False)
    first = plan_entries(given_[:cut], rules, known=set(), counts={}, balances={}, below_zero=False)
    counts: dict[tuple[int, CustomerId, date], int] = {}
    for one in first:
        counts[one.rule_id, one.customer_id, one.day] = counts.get((one.rule_id, one.customer_id, one.day), 0) + 1
    rest = plan_entries(given_[cut:], rules, known={(one.rule_id, one.key) for one in first}, counts=counts,
                        balances=sums(first), below_zero=False)  # fmt: skip
    assert [*first, *rest] == whole
    assert len({(one.rule_id, one.key) for one in whole}) == len(whole)
    for end in range(len(whole)):
        assert all(v >= 0 for (_, account), v in sums(whole[:end]).items() if account is Account.POINTS)
