"""Which word about a company or a link stands (CUS-15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.companies.model import MOST_COMPANIES, Company, Details, Known, Link, Wish
from services.companies.plan import LinkPlan, plan_links, plan_put, plan_puts
from shared.ids import CompanyId, CustomerId

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
BEFORE, AFTER, NOW = AT - timedelta(hours=1), AT + timedelta(hours=1), AT + timedelta(days=1)
K1, ONE, TWO = CompanyId("K-1"), CustomerId(1), CustomerId(2)
MORNING = Company(K1, "Morning Ltd", AT)


@pytest.mark.parametrize(
    ("known", "given_", "outcome"),
    [
        (None, MORNING, "made"),
        (Known(MORNING, AT), MORNING, "unchanged"),
        (Known(MORNING, AT), replace(MORNING, name="Evening Ltd"), "changed"),
        (Known(MORNING, AT), replace(MORNING, details=Details(note="x")), "changed"),
        (Known(MORNING, AT), replace(MORNING, updated_at=AFTER), "changed"),
        (Known(MORNING, AT), replace(MORNING, updated_at=BEFORE), "late"),
        (Known(None, AT), MORNING, "late"),
        (Known(None, AT), replace(MORNING, updated_at=BEFORE), "late"),
        (Known(None, AT), replace(MORNING, updated_at=AFTER), "made"),
    ],
)
def test_the_newest_state_stands(known: Known | None, given_: Company, outcome: str):
    """A late state changes nothing; a deletion stands against states of its moment too (CUS-15)."""
    assert plan_put(known, given_) == outcome


@given(st.permutations([replace(MORNING, name=f"n{n}", updated_at=AT + timedelta(minutes=n)) for n in range(4)]))
def test_in_whatever_order_states_arrive_the_newest_is_left(states: list[Company]):
    """One batch or several: the same end (CUS-15)."""
    assert plan_puts({}, states).written[K1].name == "n3"


def links(known: Link | None, *wishes: Wish, at: datetime = AT, count: int = 0) -> LinkPlan:
    held = {known.customer_id: known} if known else {}
    return plan_links(held, wishes, company_id=K1, companies_count={ONE: count}, updated_at=at, now=NOW)


BUYER = Link(K1, ONE, "buyer", AT, AT, None)
ENDED = replace(BUYER, ended_at=AT)


@pytest.mark.parametrize(
    ("known", "wish", "at", "outcome"),
    [
        (None, Wish(ONE, True, "buyer"), AT, "linked"),
        (None, Wish(ONE, False), AT, "unchanged"),
        (BUYER, Wish(ONE, True, "buyer"), AFTER, "unchanged"),
        (BUYER, Wish(ONE, True, "owner"), AFTER, "changed"),
        (BUYER, Wish(ONE, True, "owner"), BEFORE, "late"),
        (BUYER, Wish(ONE, False), AT, "unlinked"),
        (BUYER, Wish(ONE, False), BEFORE, "late"),
        (ENDED, Wish(ONE, True), AFTER, "linked"),
        (ENDED, Wish(ONE, True), BEFORE, "late"),
    ],
)
def test_the_newest_word_about_a_link_stands(known: Link | None, wish: Wish, at: datetime, outcome: str):
    """Also of what was said to be no link: an older word does not make one (CUS-15)."""
    plan = links(known, wish, at=at)
    assert plan.outcomes == (outcome,)
    if outcome != "late":
        held = next(iter(plan.written), known)
        assert held is not None and held.lasts == wish.linked
        again = links(held, wish, at=at)
        assert (again.outcomes, again.written) == (("unchanged",), ())


def test_an_unlinking_that_comes_first_stands_against_the_late_link():
    """What is said of somebody who was never linked is kept as well (CUS-15)."""
    (said,) = links(None, Wish(ONE, False), at=AFTER).written
    assert links(said, Wish(ONE, True), at=AT).outcomes == ("late",)


def test_of_two_words_in_one_request_the_first_counts():
    """The other is told as a repeat, so that nobody waits for it (CUS-15)."""
    plan = links(None, Wish(ONE, True, "buyer"), Wish(TWO, True), Wish(ONE, False))
    assert plan.outcomes == ("linked", "linked", "repeated")
    assert [one.customer_id for one in plan.written] == [ONE, TWO]


def test_a_customer_has_a_bounded_number_of_companies():
    """A card's list stays short; links that are there may change and end (G8)."""
    assert links(None, Wish(ONE, True), count=MOST_COMPANIES).outcomes == ("too_many",)
    assert links(BUYER, Wish(ONE, True, "owner"), count=MOST_COMPANIES).outcomes == ("changed",)


def test_a_link_is_never_said_to_begin_in_the_future():
    """A CRM whose clock is ahead is believed in its order, not in its hour (CUS-15)."""
    (made,) = links(None, Wish(ONE, True), at=NOW + timedelta(days=9)).written
    assert (made.linked_at, made.updated_at) == (NOW, NOW + timedelta(days=9))
