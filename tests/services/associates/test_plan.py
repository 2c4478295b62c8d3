"""What becomes of a member: joined, moved, out of sight, gone, back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.associates.model import (
    Absence,
    Associate,
    Evidence,
    EvidenceKind,
    ObservedAssociate,
    RecordedAssociate,
)
from services.associates.plan import AssociatePlan, Lags, News, merge_associate, plan_associate, superior_of
from tests.services.factories import LI, WANG, ZHAO, at

LAGS = Lags(deletion=timedelta(seconds=600), addition=timedelta(seconds=120))
LIVE = News(since=at(0), complete=True)
FULL = Associate(LI, "李娜", 2, (2, 3), (3,), ("WangWei",), 1)
CREATED, DELETED = EvidenceKind.CREATED, EvidenceKind.DELETED
HIDDEN, UNKNOWN, NOWHERE, ELSEWHERE = Absence.HIDDEN, Absence.UNKNOWN, Absence.NOWHERE, Absence.ELSEWHERE


def shown(second: float, associate: Associate = FULL) -> ObservedAssociate:
    return ObservedAssociate(LI, at(second), associate)


def absent(second: float, absence: Absence) -> ObservedAssociate:
    return ObservedAssociate(LI, at(second), absence=absence)


def known(second: float = 10, **changes: object) -> RecordedAssociate:
    """Somebody whom a read of that second showed."""
    return replace(RecordedAssociate(FULL, at(second), seen_at=at(second), has_contact=True), **changes)


def told(kind: EvidenceKind, second: float) -> Evidence:
    return Evidence(kind, at(second))


def plan(observed, recorded=None, *evidence, news=LIVE, hidden=()) -> AssociatePlan:
    return plan_associate(observed, recorded, evidence, hidden=hidden, lags=LAGS, news=news)


def types(one: AssociatePlan) -> list[str]:
    return [fact.TYPE for fact in one.facts]


class TestJoining:
    def test_a_first_sync_announces_nobody(self):
        """Whoever is found before the directory was walked once has been there (ASG-11)."""
        one = plan(shown(50), news=News(since=at(0)))
        assert (one.row, one.facts) == (RecordedAssociate(FULL, at(50), seen_at=at(50)), ())

    def test_an_event_announces_at_its_own_time(self):
        """Also when the directory was never walked (ASG-11)."""
        one = plan(shown(50), None, told(CREATED, 40), news=News(since=at(0)))
        (fact,) = one.facts
        assert (fact.TYPE, fact.occurred_at, fact.evidenced) == ("associate_joined", at(40), True)

    def test_an_event_of_before_the_corp_was_added_announces_nobody(self):
        """It is no news (ASG-11)."""
        assert plan(shown(50), None, told(CREATED, -40), news=News(since=at(0))).facts == ()

    def test_a_full_pass_announces_whom_it_finds(self):
        """Their event was lost (ASG-11)."""
        (fact,) = plan(shown(50)).facts
        assert (fact.TYPE, fact.occurred_at, fact.evidenced) == ("associate_joined", at(50), False)

    def test_a_name_on_a_list_is_announced_when_it_is_read(self):
        """The list of those with the customer-contact function holds ids only (ASG-11)."""
        listed = RecordedAssociate(Associate(LI), at(20), has_contact=True)
        assert types(plan(shown(50), listed)) == ["associate_joined"]

    def test_the_event_comes_after_the_pass(self):
        """Told once; the event's time is kept (ASG-11)."""
        first = plan(shown(50)).row
        one = plan(shown(60), first, told(CREATED, 40))
        assert (one.row.joined_at, one.facts) == (at(40), ())

    def test_an_event_before_the_read_shows_them_waits(self):
        """Reads may be behind; the waits grow (ASG-11)."""
        for second, wait in [(41, 2), (50, 10), (140, 60)]:
            one = plan(absent(second, UNKNOWN), None, told(CREATED, 40))
            assert (one.row, one.look_again_at) == (None, at(second + wait))

    def test_who_joins_out_of_sight_is_known_and_told(self):
        """The app may not see them: the event said that they came (ASG-11)."""
        one = plan(absent(400, UNKNOWN), None, told(CREATED, 40))
        assert (one.row.in_sight, one.row.gone_at, types(one)) == (False, None, ["associate_joined"])


class TestLeaving:
    @pytest.mark.parametrize("absence", [UNKNOWN, NOWHERE])
    def test_an_event_and_no_such_member_is_leaving(self, absence):
        """At the event's time (TRF-2)."""
        one = plan(absent(50, absence), known(), told(DELETED, 40))
        (fact,) = one.facts
        assert (fact.TYPE, fact.occurred_at, fact.evidenced) == ("associate_left", at(40), True)
        assert one.departed
        assert (one.row.gone_at, one.row.in_sight, one.row.has_contact) == (at(40), False, False)

    @pytest.mark.parametrize("absence", [HIDDEN, UNKNOWN, ELSEWHERE])
    def test_out_of_sight_is_not_leaving(self, absence):
        """The app's range was cut: no such member is what it reads then as well (TRF-2)."""
        one = plan(absent(50, absence), known())
        assert not one.departed
        assert (one.row.gone_at, one.row.in_sight, types(one)) == (None, False, ["associate_out_of_sight"])

    def test_contact_sync_not_knowing_them_is_leaving(self):
        """It sees everybody (TRF-2)."""
        one = plan(absent(50, NOWHERE), known())
        assert (one.departed, one.row.gone_at, one.facts[0].evidenced) == (True, at(50), False)

    def test_the_status_of_a_leaver_is_leaving(self):
        """Some reads still show them (TRF-2)."""
        one = plan(shown(50, replace(FULL, status=5)), known())
        assert (one.departed, one.row.gone_at, types(one)) == (True, at(50), ["associate_left"])

    def test_a_read_that_still_shows_them_waits(self):
        """Reads may be behind the event; beyond that the read is right (TRF-2)."""
        one = plan(shown(45), known(), told(DELETED, 40))
        assert (one.departed, one.look_again_at) == (False, at(50))
        one = plan(shown(640), known(), told(DELETED, 40))
        assert (one.departed, one.look_again_at, one.row.seen_at) == (False, None, at(640))

    def test_a_contradicted_event_is_forgotten(self):
        """Seen long after the event, then out of the app's sight: the event says nothing any more (TRF-2)."""
        seen = plan(shown(640), known(), told(DELETED, 40)).row
        one = plan(absent(2000, UNKNOWN), seen, told(DELETED, 40))
        assert (one.departed, one.row.gone_at) == (False, None)

    def test_a_look_within_the_lag_and_one_beyond_it(self):
        """Only the later one speaks against the event (TRF-2)."""
        within = plan(shown(45), known(), told(DELETED, 40)).row
        assert plan(absent(100, UNKNOWN), within, told(DELETED, 40)).departed
        beyond = plan(shown(700), within, told(DELETED, 40)).row
        assert not plan(absent(2000, UNKNOWN), beyond, told(DELETED, 40)).departed

    def test_a_late_event_after_they_went_out_of_sight(self):
        """The pass found them missing first; the event says what it was (TRF-2)."""
        missing = plan(absent(5000, UNKNOWN), known()).row
        one = plan(absent(9000, UNKNOWN), missing, told(DELETED, 4000))
        assert (one.departed, one.row.gone_at) == (True, at(4000))

    def test_somebody_never_known_who_has_left(self):
        """A relation names them; nobody asks for them again and again, and it is no news (TRF-2)."""
        one = plan(absent(50, NOWHERE))
        assert (one.row.gone_at, one.facts) == (at(50), ())

    def test_what_was_known_of_them_stays(self):
        """Their customers still show who served them and where (ASG-11)."""
        assert plan(absent(50, UNKNOWN), known(), told(DELETED, 40)).row.associate == FULL

    def test_deleted_and_created_again_is_there(self):
        """Whichever came last counts, not which arrived last (ASG-11)."""
        events = (told(CREATED, 45), told(DELETED, 40))
        assert plan(shown(50), known(), *events).row.gone_at is None


class TestComingBack:
    GONE = known(gone_at=at(40), in_sight=False, has_contact=False, observed_at=at(50))

    def test_a_leaver_whom_a_read_shows_is_back(self):
        """Under the same userid (ASG-11)."""
        one = plan(shown(2000), self.GONE, told(DELETED, 40))
        assert (one.row.gone_at, one.row.in_sight, types(one)) == (None, True, ["associate_returned"])

    def test_not_by_a_read_that_is_behind(self):
        """Reads waver for a while after somebody left (TRF-2)."""
        one = plan(shown(60), self.GONE, told(DELETED, 40))
        assert (one.row, one.facts, one.look_again_at) == (None, (), at(80))

    def test_an_event_brings_them_back_out_of_sight(self):
        """The app may not see where they are now (ASG-11)."""
        one = plan(absent(1000, UNKNOWN), self.GONE, told(DELETED, 40), told(CREATED, 500))
        assert (one.row.gone_at, one.row.in_sight, types(one)) == (None, False, ["associate_returned"])

    def test_contact_sync_brings_them_back(self):
        """It lists who is with the corp (ASG-11)."""
        one = plan(absent(2000, ELSEWHERE), self.GONE, told(DELETED, 40))
        assert (one.row.gone_at, types(one)) == (None, ["associate_returned"])

    def test_out_of_sight_tells_nothing_of_a_leaver(self):
        """Gone stays gone (TRF-2)."""
        for absence in (HIDDEN, UNKNOWN):
            assert plan(absent(2000, absence), self.GONE, told(DELETED, 40)).row is None

    def test_in_sight_again(self):
        """The range grew again (ASG-11)."""
        hidden = known(in_sight=False)
        assert types(plan(shown(50), hidden)) == ["associate_in_sight"]


class TestFields:
    def test_a_move_names_ids_from_and_to(self):
        """Main department, departments, leaders (ASG-11)."""
        moved = replace(FULL, main_department_id=5, department_ids=(5,), leader_in=(), direct_leaders=("ZhaoMin",))
        (fact,) = plan(shown(50, moved), known()).facts
        assert fact.changed == ("main_department_id", "department_ids", "leader_in", "direct_leaders")
        assert (fact.from_main_department_id, fact.to_main_department_id) == (2, 5)
        assert (fact.from_department_ids, fact.to_department_ids) == ((2, 3), (5,))
        assert (fact.from_direct_leaders, fact.to_direct_leaders) == (("WangWei",), ("ZhaoMin",))

    @pytest.mark.parametrize(
        "field", ["name", "main_department_id", "department_ids", "leader_in", "direct_leaders", "status"]
    )
    def test_a_withheld_field_empties_nothing(self, field):
        """What the app may not see is no statement (ASG-11)."""
        one = plan(shown(50, replace(FULL, **{field: None})), known())
        assert (one.row, one.facts) == (None, ())

    @pytest.mark.parametrize("withheld", [{"department_ids": ()}, {"department_ids": (), "leader_in": ()}])
    def test_nobody_is_nowhere(self, withheld):
        """An empty list of departments is a withheld one, and so are the flags beside it (ASG-11)."""
        assert plan(shown(50, replace(FULL, **withheld)), known()).row is None

    def test_leading_nothing_any_more_is_a_statement(self):
        """An empty list of flags beside departments (ASG-11)."""
        assert plan(shown(50, replace(FULL, leader_in=())), known()).row.associate.leader_in == ()

    def test_departments_out_of_sight_stay(self):
        """A read of a member leaves them out (ASG-11)."""
        trimmed = replace(FULL, department_ids=(2,), leader_in=())
        assert plan(shown(50, trimmed), known(), hidden={3}).row is None
        assert types(plan(shown(50, trimmed), known(), hidden={4})) == ["associate_moved"]

    def test_another_order_of_departments_is_no_move(self):
        """Its order means nothing (ASG-11)."""
        assert plan(shown(50, replace(FULL, department_ids=(3, 2))), known()).row is None

    @pytest.mark.parametrize(
        ("departments", "main"),
        [((2, 3), 2), ((3, 9), 3), (None, 2), ((), 2)],
        ids=["still there", "left it", "withheld", "empty"],
    )
    def test_a_withheld_main_department(self, departments, main):
        """The known one, unless they have left it; then the first of the others (ASG-11)."""
        read = replace(FULL, main_department_id=None, department_ids=departments)
        assert merge_associate(FULL, read).main_department_id == main

    def test_a_main_department_that_no_list_ever_showed(self):
        """It is out of sight, so its absence from the list says nothing (ASG-11)."""
        before = replace(FULL, main_department_id=7)
        after = replace(FULL, main_department_id=None, department_ids=(3,))
        assert merge_associate(before, after).main_department_id == 7

    def test_an_older_read_changes_nothing(self):
        """A page that was read before an event's look (ASG-11)."""
        assert plan(shown(5, replace(FULL, name="旧")), known(10)).row is None

    def test_an_unchanged_read_writes_nothing(self):
        """A pass over an unchanged corp costs no row (ASG-11)."""
        assert plan(shown(5000), known()) == AssociatePlan(LI)


class TestOldUserid:
    POINTER = known(renamed_to=ZHAO, in_sight=False, observed_at=at(100))

    def test_nothing_becomes_of_it(self):
        """Its member goes on under the new one (ASG-11)."""
        for absence in Absence:
            assert plan(absent(5000, absence), self.POINTER).row is None

    def test_a_read_that_is_behind_brings_nobody_back(self):
        """Reads may show the old userid for a while (ASG-11)."""
        one = plan(shown(130), self.POINTER)
        assert (one.row, one.look_again_at) == (None, at(160))

    def test_somebody_else_may_get_it(self):
        """Told as new, with nothing of the one before (ASG-11)."""
        other = Associate(LI, "李娜二", 9, (9,))
        one = plan(shown(130, other), self.POINTER, told(CREATED, 120))
        assert (one.row.associate, one.row.renamed_to, types(one)) == (other, None, ["associate_joined"])


@pytest.mark.parametrize(
    ("direct", "leaders", "superior"),
    [
        ((WANG, ZHAO), (ZHAO,), WANG),
        ((LI, ZHAO), (WANG,), ZHAO),
        ((), (LI, WANG), WANG),
        (None, (WANG,), WANG),
        ((), (LI,), None),
        (None, (), None),
    ],
)
def test_the_superior_is_the_direct_leader_else_the_main_departments(direct, leaders, superior):
    """Nobody is their own superior (ASG-11)."""
    assert superior_of(Associate(LI, direct_leaders=direct), leaders) == superior


ids = st.lists(st.integers(1, 5), max_size=3, unique=True).map(tuple)
people = st.builds(
    Associate,
    userid=st.just(LI),
    name=st.sampled_from([None, "李娜", "李娜娜"]),
    main_department_id=st.sampled_from([None, 1, 2, 3]),
    department_ids=st.none() | ids,
    leader_in=st.none() | ids,
    direct_leaders=st.none() | st.lists(st.sampled_from(["WangWei", "ZhaoMin"]), max_size=2, unique=True).map(tuple),
    status=st.sampled_from([None, 1, 2, 4, 5]),
)
reads = st.tuples(st.integers(1, 900), people | st.sampled_from(list(Absence)))
events = st.lists(st.tuples(st.sampled_from([CREATED, DELETED]), st.integers(0, 9000)), max_size=4)


@given(walk=st.lists(reads, min_size=1, max_size=6), said=events, complete=st.booleans(), hidden=ids)
def test_plan_apply_plan_again_is_empty(walk, said, complete, hidden):
    """Whatever reads and events there are, in whatever order (design: a planner settles)."""
    recorded, second = None, 0
    evidence = [told(kind, at_) for kind, at_ in said]
    joined = left = back = 0
    for step, what in walk:
        second += step
        observed = shown(second, what) if isinstance(what, Associate) else absent(second, what)
        one = plan(observed, recorded, *evidence, news=News(at(0), complete), hidden=hidden)
        recorded = one.row or recorded
        again = plan(observed, recorded, *evidence, news=News(at(0), complete), hidden=hidden)
        assert (again.row, again.facts, again.departed) == (None, (), False)
        joined += types(one).count("associate_joined")
        left += types(one).count("associate_left")
        back += types(one).count("associate_returned")
        assert not one.departed or one.row.gone_at is not None
    assert joined <= 1
    assert abs(left - back) <= 1
