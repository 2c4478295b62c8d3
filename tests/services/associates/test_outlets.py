"""What becomes of a department: added, changed, removed, out of sight."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.associates.model import Absence, Evidence, EvidenceKind, ObservedOutlet, Outlet, RecordedOutlet
from services.associates.outlets import OutletPlan, plan_outlet
from services.associates.plan import Lags, News
from tests.services.factories import LI, WANG, at

LAGS = Lags(deletion=timedelta(seconds=600), addition=timedelta(seconds=120))
LIVE = News(since=at(0), complete=True)
FULL = Outlet(15, "人民路店", 2, 100, ("WangWei",))
CREATED, DELETED = EvidenceKind.CREATED, EvidenceKind.DELETED
HIDDEN, UNKNOWN = Absence.HIDDEN, Absence.UNKNOWN


def shown(second: float, outlet: Outlet = FULL) -> ObservedOutlet:
    return ObservedOutlet(15, at(second), outlet)


def absent(second: float, absence: Absence) -> ObservedOutlet:
    return ObservedOutlet(15, at(second), absence=absence)


def known(second: float = 10, **changes: object) -> RecordedOutlet:
    return replace(RecordedOutlet(FULL, at(second)), **changes)


def told(kind: EvidenceKind, second: float) -> Evidence:
    return Evidence(kind, at(second))


def plan(observed, recorded=None, *evidence, news=LIVE, hidden=()) -> OutletPlan:
    return plan_outlet(observed, recorded, evidence, hidden=hidden, lags=LAGS, news=news)


def types(one: OutletPlan) -> list[str]:
    return [fact.TYPE for fact in one.facts]


def test_a_first_sync_announces_none():
    """Whatever is found before the directory was walked once has been there (ASG-11)."""
    one = plan(shown(50), news=News(since=at(0)))
    assert (one.row, one.facts) == (known(50), ())


@pytest.mark.parametrize(("events", "evidenced", "second"), [((told(CREATED, 40),), True, 40), ((), False, 50)])
def test_a_new_one_is_told_once(events, evidenced, second):
    """By its event, or by the pass that found it (ASG-11)."""
    one = plan(shown(50), None, *events)
    (fact,) = one.facts
    assert (fact.TYPE, fact.evidenced, fact.occurred_at) == ("outlet_added", evidenced, at(second))
    assert plan(shown(60), one.row, told(CREATED, 40)).facts == ()


def test_a_change_names_its_fields():
    """Name, parent and leaders; the order among sisters is only kept (ASG-11)."""
    (fact,) = plan(shown(50, Outlet(15, "新店", 1, 100, ())), known()).facts
    assert (fact.changed, fact.from_parent_id, fact.to_parent_id) == (("name", "parent_id", "leaders"), 2, 1)
    one = plan(shown(50, replace(FULL, sort=7)), known())
    assert (one.row.outlet.sort, one.facts) == (7, ())


@pytest.mark.parametrize("field", ["name", "parent_id", "sort", "leaders"])
def test_a_withheld_field_empties_nothing(field):
    """What the app may not see is no statement (ASG-11)."""
    assert plan(shown(50, replace(FULL, **{field: None})), known()).row is None


def test_a_leader_out_of_sight_stays():
    """A read of a department leaves them out (ASG-11)."""
    assert plan(shown(50, replace(FULL, leaders=())), known(), hidden={WANG}).row is None
    assert plan(shown(50, replace(FULL, leaders=())), known(), hidden={LI}).row.outlet.leaders == ()


def test_no_such_department_is_gone_with_what_is_known():
    """At the event's time, else the read's (ASG-11)."""
    one = plan(absent(50, UNKNOWN), known(), told(DELETED, 40))
    assert (one.removed, one.row.gone_at, one.row.outlet, types(one)) == (True, at(40), FULL, ["outlet_removed"])
    assert plan(absent(50, UNKNOWN), known()).row.gone_at == at(50)


def test_out_of_sight_is_not_gone():
    """Another code says that the app may not see it (ASG-11)."""
    one = plan(absent(50, HIDDEN), known())
    assert (one.removed, one.row.in_sight, one.row.gone_at, one.facts) == (False, False, None, ())


def test_reads_that_are_behind_an_event_wait():
    """A deleted one may be shown, a new one not yet (ASG-11)."""
    one = plan(shown(45), known(), told(DELETED, 40))
    assert (one.row, one.look_again_at) == (None, at(50))
    assert plan(shown(640), known(), told(DELETED, 40)) == OutletPlan(15)
    one = plan(absent(45, UNKNOWN), None, told(CREATED, 40))
    assert (one.row, one.look_again_at) == (None, at(50))
    assert plan(absent(160, UNKNOWN), None, told(CREATED, 40)).row.gone_at == at(160)


def test_one_that_a_read_shows_again_is_back():
    """Also without an event (ASG-11)."""
    gone = known(gone_at=at(20), in_sight=False)
    one = plan(shown(5000), gone, told(DELETED, 20))
    assert (one.row.gone_at, one.row.in_sight, types(one)) == (None, True, ["outlet_added"])


def test_an_older_read_changes_nothing():
    """A pass that was read before an event's look (ASG-11)."""
    assert plan(shown(5, replace(FULL, name="旧")), known(10)).row is None


outlets = st.builds(
    Outlet,
    department_id=st.just(15),
    name=st.sampled_from([None, "一", "二"]),
    parent_id=st.sampled_from([None, 1, 2]),
    sort=st.sampled_from([None, 0, 5]),
    leaders=st.none() | st.lists(st.sampled_from(["WangWei", "LiNa"]), max_size=2, unique=True).map(tuple),
)
reads = st.tuples(st.integers(1, 900), outlets | st.sampled_from([HIDDEN, UNKNOWN]))
events = st.lists(st.tuples(st.sampled_from([CREATED, DELETED]), st.integers(0, 5000)), max_size=4)


@given(walk=st.lists(reads, min_size=1, max_size=6), said=events, complete=st.booleans())
def test_plan_apply_plan_again_is_empty(walk, said, complete):
    """Whatever reads and events there are, in whatever order (design: a planner settles)."""
    recorded, second = None, 0
    evidence = [told(kind, at_) for kind, at_ in said]
    for step, what in walk:
        second += step
        observed = shown(second, what) if isinstance(what, Outlet) else absent(second, what)
        one = plan(observed, recorded, *evidence, news=News(at(0), complete), hidden={WANG})
        recorded = one.row or recorded
        again = plan(observed, recorded, *evidence, news=News(at(0), complete), hidden={WANG})
        assert (again.row, again.facts, again.removed) == (None, (), False)
