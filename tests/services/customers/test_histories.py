"""A contact's true history, told by events in any order and read at any time, always ends in the same record."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.customers.model import Absence, Evidence, Recorded, State
from services.customers.plan import plan_contact
from shared.ids import UserId
from tests.services.factories import (
    ADDED,
    DELETED,
    HALF_ADDED,
    LI,
    LOST,
    TRANSFERRED,
    WANG,
    ZHAO,
    applied,
    facts_of,
    listed,
    read,
    recorded,
    times,
    told,
)

POSSIBLE = {
    "none": [HALF_ADDED, ADDED],
    "half": [ADDED],
    "friend": [LOST, LOST, DELETED, TRANSFERRED],
    "lost": [HALF_ADDED, ADDED, DELETED],  # the associate may clear a lost customer away: no second end
    "gone": [HALF_ADDED, ADDED],
}
BECOMES = {HALF_ADDED: "half", ADDED: "friend", LOST: "lost", DELETED: "gone", TRANSFERRED: "gone"}
END_OF = {LOST: "relation_lost", DELETED: "relation_deleted", TRANSFERRED: "relation_transferred"}
STATE_OF = {
    HALF_ADDED: State.HALF,
    ADDED: State.ACTIVE,
    LOST: State.ENDED_BY_CUSTOMER,
    DELETED: State.ENDED_BY_ASSOCIATE,
    TRANSFERRED: State.TRANSFERRED,
}
LONG_AFTER = 1_000_000


@dataclass(frozen=True)
class Happened:
    second: int
    userid: UserId
    kind: object


@dataclass(frozen=True)
class World:
    """What really happened, and what WeCom shows of it. `skew`: how much later a createtime is than its event."""

    happened: tuple[Happened, ...]
    skew: int

    def of(self, userid: UserId) -> list[Happened]:
        return [one for one in self.happened if one.userid == userid]

    def readable(self, userid: UserId, second: float) -> int | None:
        """The createtime of a relation that a read shows: only the member's own end takes it away."""
        created = None
        for one in self.of(userid):
            if one.second > second:
                break
            if one.kind is ADDED:
                created = one.second + self.skew
            elif one.kind in (DELETED, TRANSFERRED):
                created = None
        return created

    def read(self, second: float, *, behind: int = 0):
        shown = [(one, self.readable(one, second - behind)) for one in (LI, WANG, ZHAO)]
        return read(second, *(listed(userid, created) for userid, created in shown if created is not None))

    def friendships(self, userid: UserId) -> list[tuple[float, float | None, str | None]]:
        found: list[tuple[float, float | None, str | None]] = []
        for one in self.of(userid):
            if one.kind is ADDED:
                found.append((one.second, None, None))
            elif one.kind in END_OF and found and found[-1][1] is None:
                found[-1] = (found[-1][0], one.second, STATE_OF[one.kind].value)
        return found

    def state(self, userid: UserId) -> State | None:
        """An end by the associate of a friendship that the customer had ended already changes nothing."""
        state = None
        for one in self.of(userid):
            if not (state is State.ENDED_BY_CUSTOMER and one.kind is DELETED):
                state = STATE_OF[one.kind]
        return state


@dataclass(frozen=True)
class Delivery:
    """One event reaching us `second`; the read made because of it is `behind` by so much."""

    second: float
    behind: int
    event: Happened


def process(world: World, deliveries: Iterable[Delivery]) -> tuple[Recorded, list[tuple[str, str, float]]]:
    """Deliver in order of arrival, one look per moment, and a last complete look long after."""
    known: list[Evidence] = []
    before, facts = recorded(), []
    arrivals: dict[float, list[Delivery]] = {}
    for one in deliveries:
        arrivals.setdefault(one.second, []).append(one)
    for second, batch in [*sorted(arrivals.items()), (LONG_AFTER + 0.5, [])]:
        known += [told(one.event.userid, one.event.kind, one.event.second) for one in batch]
        observed = world.read(second, behind=max((one.behind for one in batch), default=0))
        plan = plan_contact(observed, before, known)
        answers = None
        if plan.unconfirmed:
            shown = {one for one in plan.unconfirmed if world.readable(one, second) is not None}
            answers = {one: Absence.STILL_THERE if one in shown else Absence.ENDED for one in plan.unconfirmed}
            plan = plan_contact(observed, before, known, absences=answers)
        assert not plan.unconfirmed
        before = applied(before, plan)
        again = plan_contact(observed, before, known, absences=answers)
        assert (again.relations, again.facts, again.unconfirmed) == ((), (), frozenset()), "does not settle"
        facts += facts_of(plan)
    return before, facts


@st.composite
def worlds(draw) -> World:
    """Seconds increase; some things happen in one second, but never an end and the next start of one relation.

    That is left out because nothing tells which came first: event times are whole seconds.
    """
    skew = draw(st.sampled_from([0, 0, 1]))
    happened = []
    for userid in (LI, WANG, ZHAO)[: draw(st.integers(1, 3))]:
        second, state = draw(st.integers(0, 3)), "none"
        for _ in range(draw(st.integers(1, 6))):
            kind = draw(st.sampled_from(POSSIBLE[state]))
            same_second = skew == 0 and state in ("half", "friend")
            second += draw(st.sampled_from([0 if same_second else 2, 2, 3, 60, 700, 90_000]))
            happened.append(Happened(second, userid, kind))
            state = BECOMES[kind]
    return World(tuple(sorted(happened, key=lambda one: one.second)), skew)


@st.composite
def deliveries_of(draw, world: World) -> list[Delivery]:
    """Each event at least once, late by anything, in batches of any size, some again; reads up to a minute behind."""
    batch = draw(st.sampled_from([1, 1, 10, 1000, 100_000]))
    found = []
    for event in world.happened:
        for late in draw(st.lists(st.sampled_from([0, 1, 5, 100, 1000, 200_000]), min_size=1, max_size=2)):
            # Half a second later than a whole one: a read never falls into the middle of a second's events.
            second = -(-(event.second + late) // batch) * batch + 0.5
            found.append(Delivery(second, draw(st.sampled_from([0, 0, 30, 60])), event))
    return found


@st.composite
def deliveries_in_any_order(draw):
    world = draw(worlds())
    return world, draw(deliveries_of(world))


def in_order(world: World) -> list[Delivery]:
    return [Delivery(one.second + 0.5, 0, one) for one in world.happened]


def expected_facts(world: World) -> Counter:
    facts = Counter()
    for userid in (LI, WANG, ZHAO):
        for start, end, by in world.friendships(userid):
            facts["relation_started", userid, start] += 1
            if end is not None:
                facts[END_OF[next(k for k, s in STATE_OF.items() if s.value == by)], userid, end] += 1
    return facts


def assert_record_is_true(world: World, record: Recorded) -> None:
    for userid in (LI, WANG, ZHAO):
        one, friendships = record.relations.get(userid), world.friendships(userid)
        assert (one.state if one else None) == world.state(userid)
        assert times(one.friendships if one else ()) == friendships
        lasts = bool(friendships) and friendships[-1][1] is None
        assert (one is not None and one.present is not None) == lasts


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_events_in_order_tell_each_start_and_end_once_at_its_own_second(world):
    """With every event at once, record and facts are the true history (ASG-8, ASG-10, LOSS-1)."""
    record, facts = process(world, in_order(world))
    assert_record_is_true(world, record)
    friendship_facts = [one for one in facts if one[0] not in ("relation_half_added", "relation_in_sight")]
    assert Counter(friendship_facts) == expected_facts(world)


@settings(max_examples=250, deadline=None)
@given(deliveries_in_any_order())
def test_any_delivery_of_the_events_ends_in_the_same_record(case):
    """States and friendships do not depend on order, repeats, batches and the moments of reads (ASG-10).

    Of the facts this much holds in any order: as many starts are told of as there were, every loss is told once, and
    no end is missing. Their seconds may differ from those of in-order delivery, and rightly so: a read that shows an
    end (or a start) before its event comes tells of it at once, with the time of the read (or the createtime) and an
    end by the associate; when a later event says that somebody else made the end, that is told as well.
    """
    world, deliveries = case
    record, facts = process(world, deliveries)
    assert_record_is_true(world, record)
    truth = expected_facts(world)
    for userid in (LI, WANG, ZHAO):
        assert started(facts, userid) == started(truth.elements(), userid)
        assert losses(facts, userid) == losses(truth.elements(), userid)
        assert ended(facts, userid) >= ended(truth.elements(), userid)


def started(facts: Iterable[tuple[str, str, float]], userid: UserId) -> int:
    return sum(kind == "relation_started" and who == userid for kind, who, _ in facts)


def ended(facts: Iterable[tuple[str, str, float]], userid: UserId) -> int:
    return sum(kind in END_OF.values() and who == userid for kind, who, _ in facts)


def losses(facts: Iterable[tuple[str, str, float]], userid: UserId) -> int:
    return sum(kind == "relation_lost" and who == userid for kind, who, _ in facts)


def arriving(*events: tuple[float, object, int]) -> tuple[World, list[Delivery]]:
    happened = [Happened(second, LI, kind) for _, kind, second in sorted(events, key=lambda one: one[2])]
    return World(tuple(happened), skew=0), [
        Delivery(when, 0, Happened(second, LI, kind)) for when, kind, second in events
    ]


@pytest.mark.parametrize(
    ("events", "facts"),
    [
        pytest.param(
            [(301.5, ADDED, 300), (302.5, ADDED, 100), (303.5, LOST, 200)],
            {("relation_started", LI, 100): 1, ("relation_lost", LI, 200): 1, ("relation_started", LI, 300): 1},
            id="both adds before the loss between them",
        ),
        pytest.param(
            [(100.5, ADDED, 100), (502.5, LOST, 400), (503.5, LOST, 200), (504.5, ADDED, 300), (504.5, DELETED, 500)],
            {
                ("relation_started", LI, 100): 1,
                ("relation_lost", LI, 200): 1,
                ("relation_started", LI, 300): 1,
                ("relation_lost", LI, 400): 1,
            },
            id="both losses before the add between them",
        ),
    ],
)
def test_nothing_is_told_twice_when_what_lies_between_comes_last(events, facts):
    """Each start and each end is told once, by its own second (ASG-8, ASG-10)."""
    world, deliveries = arriving(*events)
    record, found = process(world, deliveries)
    assert_record_is_true(world, record)
    assert Counter(found) == facts
