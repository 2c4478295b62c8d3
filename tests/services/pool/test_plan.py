"""Who gets how many, which rule acts, who a new friend is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pool.model import AssignRule, Facing, Holder, PoolRefusedError, Reason, Status
from services.pool.plan import (
    MAY_BECOME,
    before,
    check_reason,
    choose_rule,
    dealing_order,
    fill,
    opens_at,
    receiver,
    recognise,
    source_of_push,
    spread,
    without,
)
from shared.ids import CustomerId, UserId

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
"""09:30 in Shanghai."""


def users(count: int) -> list[UserId]:
    return [UserId(f"u{n}") for n in range(count)]


def facing(source: str = "hand", *, outlet: int | None = None, tags: frozenset[int] = frozenset()) -> Facing:
    return Facing(CustomerId(1), source, outlet, tags, frozenset())


@given(st.integers(0, 500), st.integers(1, 60), st.sampled_from(["random", "turns"]), st.integers(0, 10**6))
def test_shares_differ_by_one_at_most_and_nobody_is_left_out(count, members, how, seed):
    """For all numbers of customers and associates, at random or by turns (POOL-4)."""
    shares = spread(count, users(members), how, seed=seed)
    assert set(shares) == set(users(members)) and sum(shares.values()) == count
    assert max(shares.values()) - min(shares.values()) <= 1
    order = dealing_order(users(members), how, seed=seed)
    dealt = [receiver(order, k) for k in range(count)]
    assert {one: dealt.count(one) for one in order} == shares


@given(st.integers(0, 300), st.integers(1, 20), st.integers(0, 200), st.data())
def test_shares_stay_equal_when_associates_leave_in_the_middle(dealt, members, more, data):
    """Those who stay have shares that differ by one at most, however far the batch was (POOL-4, POOL-10)."""
    order = dealing_order(users(members), "random", seed=7)
    there = data.draw(st.sets(st.sampled_from(order), min_size=1))
    got = dict.fromkeys(there, 0)
    for k in range(dealt):
        if receiver(order, k) in got:
            got[receiver(order, k)] += 1
    rest = without(order, dealt, there)
    assert set(rest) == there
    for k in range(more):
        got[receiver(rest, k)] += 1
    assert max(got.values()) - min(got.values()) <= 1


def test_more_associates_than_customers_leave_some_with_none():
    """Each customer goes to one of them, nobody gets two (POOL-4)."""
    assert sorted(spread(2, users(5), "turns", seed=3).values()) == [0, 0, 0, 1, 1]
    assert spread(3, [], "turns") == {}


@given(st.integers(0, 60), st.lists(st.integers(0, 20), min_size=1, max_size=8))
def test_who_has_the_least_gets_the_next(count, loads):
    """Nobody who got something has two more than somebody else in the end (POOL-12)."""
    have = {UserId(f"u{n}"): load for n, load in enumerate(loads)}
    for userid in (dealt := fill(count, have)):
        have[userid] += 1
    assert len(dealt) == count
    assert all(have[one] <= min(have.values()) + 1 for one in dealt)


def test_the_first_rule_that_holds_now_acts():
    """In the order of positions; a rule outside its hours is passed over (POOL-12)."""
    night = AssignRule(1, 0, from_hour=20, to_hour=8)
    shop = AssignRule(2, 1, sources=frozenset({"shop:tmall"}))
    everybody = AssignRule(3, 2)
    rules = [everybody, shop, night]
    assert choose_rule(rules, facing("shop:tmall"), SHANGHAI, now=MORNING) == (shop, None)
    assert choose_rule(rules, facing(), SHANGHAI, now=MORNING) == (everybody, None)
    assert choose_rule(rules, facing(), SHANGHAI, now=MORNING + timedelta(hours=12)) == (night, None)


@pytest.mark.parametrize(
    ("rule", "record", "holds"),
    [
        (AssignRule(1, 0, tag_ids=frozenset({7, 8})), facing(tags=frozenset({8})), True),
        (AssignRule(1, 0, tag_ids=frozenset({7})), facing(tags=frozenset({8})), False),
        (AssignRule(1, 0, department_ids=frozenset({4})), facing(outlet=4), True),
        (AssignRule(1, 0, department_ids=frozenset({4})), facing(), False),
        (AssignRule(1, 0, stage_ids=frozenset({4})), facing(), False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(rule, record, holds):
    """One of a list is enough, but each list counts (POOL-12)."""
    assert (choose_rule([rule], record, SHANGHAI, now=MORNING)[0] is rule) == holds


@pytest.mark.parametrize(
    ("hours", "begins"),
    [((9, 18), MORNING), ((10, 18), MORNING + timedelta(minutes=30)), ((20, 8), MORNING + timedelta(hours=10.5)),
     ((8, 9), MORNING + timedelta(hours=22.5)), ((0, 0), MORNING)],
)  # fmt: skip
def test_a_rule_waits_for_its_hours_in_the_corps_own_time(hours, begins):
    """Whole hours in the corp's zone, also over midnight; equal ones are the whole day (POOL-12)."""
    rule = AssignRule(1, 0, from_hour=hours[0], to_hour=hours[1])
    assert opens_at(rule, SHANGHAI, now=MORNING) == begins
    if begins > MORNING:
        assert choose_rule([rule], facing(), SHANGHAI, now=MORNING) == (None, begins)
        assert opens_at(rule, SHANGHAI, now=begins) == begins


@pytest.mark.parametrize(
    ("holders", "found", "sure"),
    [
        ([Holder(CustomerId(1), True, None)], (1,), True),
        ([Holder(CustomerId(1), False, UserId("LiNa"))], (1,), True),
        ([Holder(CustomerId(1), False, None)], (1,), False),
        ([Holder(CustomerId(1), False, UserId("WangFang"))], (1,), False),
        ([Holder(CustomerId(1), False, UserId("LiNa")), Holder(CustomerId(2), False, None)], (1,), True),
        ([Holder(CustomerId(1), False, UserId("LiNa")), Holder(CustomerId(2), True, None)], (2,), True),
        ([Holder(CustomerId(1), False, UserId("LiNa")), Holder(CustomerId(2), False, UserId("LiNa"))], (1, 2), False),
        ([Holder(CustomerId(1), False, None), Holder(CustomerId(2), False, None)], (1, 2), False),
    ],
)
def test_a_phone_is_sure_only_where_proven_or_where_this_associate_was_to_add_them(holders, found, sure):
    """All others a person looks at; nothing is guessed (POOL-9, CUS-12)."""
    assert recognise(holders, UserId("LiNa")) == (found, sure)


def test_every_state_but_added_can_end_in_a_friendship():
    """What SQL lets through is what the table of steps says (POOL-2)."""
    assert set(MAY_BECOME) == set(Status)
    assert before(Status.ADDED) == ["assigned", "unassigned", "unreachable"]
    assert before(Status.UNREACHABLE) == ["assigned"]


def test_the_reason_other_needs_words():
    """An operator reads why (POOL-8)."""
    check_reason(Reason.NO_ANSWER, None)
    check_reason(Reason.OTHER, "moved abroad")
    with pytest.raises(PoolRefusedError):
        check_reason(Reason.OTHER, "  ")


@pytest.mark.parametrize(
    ("kinds", "made", "asked", "source", "expected"),
    [
        (["phone", "shop:tmall"], True, None, None, "shop:tmall"),
        (["miniapp:wx1"], False, None, None, None),
        (["crm", "phone"], True, None, None, None),
        (["crm"], False, True, None, "api"),
        (["miniapp:wx1"], False, True, None, "miniapp:wx1"),
        (["shop:tmall"], True, True, "hand", "hand"),
        (["shop:tmall"], True, False, None, None),
    ],
)
def test_who_authorises_a_shop_for_the_first_time_enters_and_who_a_crm_copies_does_not(
    kinds, made, asked, source, expected
):
    """Unless the request says otherwise (POOL-1)."""
    assert source_of_push(kinds, made=made, asked=asked, source=source) == expected
