"""A chat's true history, told by events in any order and read behind time, always ends in the same record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.groups.model import Evidence, Observed, Recorded
from services.groups.plan import plan_chat
from services.groups.stays import SKEW
from tests.services.groups.factories import (
    CHEN,
    JOINED,
    LEFT,
    LI,
    WU,
    XU,
    ZONE,
    applied,
    at,
    facts_of,
    second_of,
    seen,
    stays_of,
    told,
)

PEOPLE = (CHEN, WU, XU)
LONG_AFTER = 1_000_000
LOADED = timedelta(hours=1)
LAGS = st.sampled_from([0, 0, 2, 30, 120])


@dataclass(frozen=True)
class Happened:
    second: int
    member: str
    joins: bool
    scene: int
    versions: tuple[str, str]


@dataclass(frozen=True)
class World:
    """What really happened, and what WeCom shows of it."""

    happened: tuple[Happened, ...]

    def read(self, second: float, *, behind: float = 0) -> Observed:
        """What WeCom shows `second`, which is how it was `behind` seconds earlier."""
        members, version = {LI: 0}, "v"
        for one in self.happened:
            if one.second > second - behind:
                break
            version = one.versions[1]
            if one.joins:
                members[one.member] = one.second
            else:
                members.pop(one.member)
        return seen(second, members, version)

    def is_slow(self) -> bool:
        seconds = [one.second for one in self.happened]
        return all(later - earlier > SKEW.total_seconds() for earlier, later in pairwise(seconds))

    def stays(self, member: str) -> list[tuple[int, int | None, int | None]]:
        """(joined, left, quit scene)"""
        found: list[tuple[int, int | None, int | None]] = []
        for one in self.happened:
            if one.member == member and one.joins:
                found.append((one.second, None, None))
            elif one.member == member:
                found[-1] = (found[-1][0], one.second, one.scene)
        return found


@dataclass(frozen=True)
class Delivery:
    """One event reaching us `second`, told as of `occurred`; reads from then on are `behind` until another says so."""

    second: float
    behind: int
    event: Happened
    occurred: int
    listed: bool = True

    def evidence(self) -> Evidence:
        kind = JOINED if self.event.joins else LEFT
        members = (self.event.member,) if self.listed else ()
        return told(
            kind,
            self.occurred,
            *members,
            scene=self.event.scene,
            versions=self.event.versions,
            heard=max(self.second, self.occurred),
        )


def process(world: World, deliveries: Sequence[Delivery]) -> tuple[Recorded, Counter]:
    """One look per arrival, more when a plan asks for them, and a last one long after."""
    known: list[Evidence] = []
    record, facts = Recorded(), Counter()
    arrivals: dict[float, list[Delivery]] = {}
    for one in deliveries:
        arrivals.setdefault(one.second, []).append(one)
    due, behind = sorted({0.25, *arrivals, LONG_AFTER + 0.5}), 0
    while due:
        now = due.pop(0)
        behind = max((one.behind for one in arrivals.get(now, ())), default=behind)
        known += [one.evidence() for one in arrivals.pop(now, ())]
        last = now == LONG_AFTER + 0.5
        observed = world.read(now, behind=0 if last else behind)
        read_before = record.chat.observed_at if record.chat else None
        loaded = [one for one in known if read_before is None or one.heard_at >= read_before - LOADED]
        plan = plan_chat(observed, record, loaded, zone=ZONE)
        record = applied(record, plan)
        again = plan_chat(observed, record, loaded, zone=ZONE)
        assert (again.stays, again.facts, again.days) == ((), (), {}), "does not settle"
        assert again.chat is None or again.chat == record.chat
        facts.update(kind_and_member[:2] for kind_and_member in facts_of(plan))
        if plan.look_again_at is not None and not last:
            look = second_of(plan.look_again_at)
            assert look > now
            if not due or look < due[0]:  # another arrival before it asks again if need be
                due.insert(0, look)
    return record, facts


@st.composite
def worlds(draw) -> World:
    """In some, versions are made from who is there and come back; then nothing happens within one skew.

    Nobody leaves and comes back in one second: nothing would tell that from the other order.
    """
    happened, present, second, left = [], set(), 1, {}
    hashed = draw(st.booleans())
    name = "v"
    for version in range(1, draw(st.integers(2, 11))):
        member = draw(st.sampled_from(PEOPLE))
        joins = member not in present
        soon = [] if hashed else [1, 2] if joins and left.get(member) == second else [0, 1, 2]
        second += draw(st.sampled_from([*soon, 40, 100, 700, 5000]))
        present ^= {member}
        left[member] = second
        after = "v" + "".join(sorted(present)) if hashed else f"v{version}"
        scene = draw(st.sampled_from([0, 3] if joins else [0, 1]))
        happened.append(Happened(second, member, joins, scene, (name, after)))
        name = after
    return World(tuple(happened))


@st.composite
def told_worlds(draw, *, lost: bool = False, steady: bool = False, late=(0, 1, 3, 100, 1000, 20_000)):
    """Each event at least once (unless `lost`), late by anything, some twice.

    Hours late only when changes are further apart than times may be wrong: what is near is told apart by versions,
    which are known as long as the events are. `steady`: reads are behind by one time, not by another each.
    """
    world, found = draw(worlds()), []
    late = [one for one in late if one < 10_000 or world.is_slow()]
    lag = draw(LAGS)
    for event in world.happened:
        if lost and draw(st.booleans()):
            continue
        behind = lag if steady else draw(LAGS)
        listed = not lost or draw(st.integers(0, 3)) > 0
        arrival = event.second + draw(st.sampled_from(late)) + 0.5
        found.append(Delivery(arrival, behind, event, event.second, listed))
        if draw(st.integers(0, 4)) == 0:
            found.append(replace(found[-1], second=arrival + draw(st.sampled_from([0, 1, 50]))))
    return world, found


def assert_present_is_true(world: World, record: Recorded) -> None:
    members = world.read(LONG_AFTER).members
    shown = {one: second_of(member.joined_at) for one, member in members.items()}
    present = {
        one: second_of(stay.joined_at) for one, stays in record.stays.items() for stay in stays if stay.left_at is None
    }
    assert present == shown
    assert record.chat.member_count == len(shown)
    assert record.chat.member_version == world.read(LONG_AFTER).member_version


def assert_told_as_often(record: Recorded, facts: Counter) -> None:
    """Joins and leaves that were told are those that are recorded: each once."""
    for member in PEOPLE:
        stays = record.stays.get(member, ())
        assert facts["chat_member_joined", member] == sum(one.joined_at is not None for one in stays)
        left = sum(one.left_at is not None for one in stays)
        assert facts["chat_member_left", member] - facts["chat_member_returned", member] == left


@settings(max_examples=300, deadline=None)
@given(told_worlds())
def test_any_delivery_of_all_events_ends_in_the_true_stays(case):
    """Each join and each leave is recorded once, whatever the order, the repeats and the lag of reads (GRP-1)."""
    world, deliveries = case
    record, facts = process(world, deliveries)
    assert_present_is_true(world, record)
    assert_told_as_often(record, facts)
    for member in PEOPLE:
        found = [(joined, left, scene) for joined, left, _, scene in stays_of(record, member)]
        assert found == world.stays(member)


@settings(max_examples=300, deadline=None)
@given(told_worlds(lost=True))
def test_lost_events_cost_times_and_scenes_but_never_a_member(case):
    """Who is there is true after the last read; nobody joins or leaves more often than they did (GRP-1)."""
    world, deliveries = case
    record, facts = process(world, deliveries)
    assert_present_is_true(world, record)
    assert_told_as_often(record, facts)
    for member in PEOPLE:
        assert len(record.stays.get(member, ())) <= len(world.stays(member))


@settings(max_examples=150, deadline=None)
@given(told_worlds(steady=True, late=(0,)))
def test_events_on_time_tell_nobody_anything_twice(case):
    """With reads up to two minutes behind, nothing is told and taken back (GRP-1)."""
    world, deliveries = case
    _, facts = process(world, deliveries)
    for member in PEOPLE:
        assert facts["chat_member_joined", member] == len(world.stays(member))
        assert facts["chat_member_left", member] == sum(left is not None for _, left, _ in world.stays(member))
        assert facts["chat_member_returned", member] == 0


def test_the_last_read_needs_no_event_at_all():
    """A full pass sets everything right (GRP-1)."""
    world = World((Happened(5, CHEN, True, 3, ("v", "v1")), Happened(9, CHEN, False, 1, ("v1", "v2"))))
    record, facts = process(world, [])
    assert stays_of(record, CHEN) == []
    assert facts == Counter({("chat_created", None): 1, ("chat_member_joined", LI): 1})
    assert record.chat.observed_at == at(LONG_AFTER + 0.5)
