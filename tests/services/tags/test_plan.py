"""What becomes of the catalogue of corp tags, case by case."""

from datetime import timedelta

import pytest

from services.tags.draft import Bounds
from services.tags.model import (
    Catalogue,
    Observed,
    ObservedGroup,
    SecondLook,
    Tag,
    TagGroup,
)
from services.tags.plan import applied, plan_approved, plan_catalogue
from tests.services.factories import at
from tests.services.tags.catalogues import BIG, facts_of, group, recorded, seen_group, seen_tag, tag

BOUNDS = Bounds(lag=timedelta(seconds=600))


def read(second: float, *groups: ObservedGroup, looks: dict[str, SecondLook] | None = None) -> Observed:
    return Observed(groups, at(second), looks)


LEVEL = seen_group("g1", seen_tag("t1", "Gold", 2), seen_tag("t2", "Silver", 1), name="Level", sort=20)
KNOWN = recorded(
    group("g1", name="Level", sort=20), tag("t1", "g1", name="Gold", sort=2), tag("t2", "g1", name="Silver", sort=1)
)


def test_a_first_read_records_all_that_lives():
    """Groups and tags with their names, orders and times (TAG-2)."""
    plan = plan_catalogue(read(1000, LEVEL), Catalogue(), {})
    assert plan.groups == (TagGroup("Level", 20, None, at(1000), group_id="g1"),)
    assert plan.tags[0] == Tag("Gold", 2, None, at(1000), tag_id="t1", group_id="g1")
    assert facts_of(plan) == [("tag_group_created", "g1"), ("tag_created", "t1"), ("tag_created", "t2")]


@pytest.mark.parametrize(
    ("shown", "facts"),
    [
        pytest.param(LEVEL, [], id="as it was"),
        pytest.param(seen_group("g1", *LEVEL.tags, name="等级 😀", sort=20), [("tag_group_renamed", "g1")], id="group"),
        pytest.param(
            seen_group("g1", seen_tag("t1", "金", 2), seen_tag("t2", "Silver", 1), name="Level", sort=20),
            [("tag_renamed", "t1")],
            id="tag",
        ),
        pytest.param(
            seen_group("g1", seen_tag("t2", "Silver", 2), seen_tag("t1", "Gold", 1), name="Level", sort=20),
            [("tags_reordered", "g1")],
            id="two tags change places",
        ),
        pytest.param(
            seen_group("g1", *LEVEL.tags, name="Level", sort=3), [("tag_groups_reordered", "corp")], id="groups"
        ),
        pytest.param(
            seen_group("g1", seen_tag("t1", "Same", 2), seen_tag("t2", "Same", 1), name="Level", sort=20),
            [("tag_renamed", "t1"), ("tag_renamed", "t2")],
            id="names are not keys",
        ),
        pytest.param(
            seen_group("g1", seen_tag("t1", None, None), seen_tag("t2", None, None), name=None, sort=None),
            [],
            id="what is not stated stays",
        ),
    ],
)
def test_what_people_change_is_followed_and_told_once(shown: ObservedGroup, facts: list[tuple[str, str]]):
    """Rename and reorder in WeCom; the other side follows (TAG-2)."""
    plan = plan_catalogue(read(2000, shown), KNOWN, {})
    assert facts_of(plan) == facts
    again = plan_catalogue(read(3000, shown), applied(KNOWN, plan), {})
    assert (again.groups, again.tags, again.facts) == ((), (), ())


def test_a_tag_in_another_group_is_moved():
    """WeCom says that it cannot be; should it happen, the tag is not lost (TAG-2)."""
    known = recorded(*KNOWN.groups.values(), *KNOWN.tags.values(), group("g2", name="City"))
    shown = (seen_group("g1", LEVEL.tags[0], name="Level", sort=20), seen_group("g2", LEVEL.tags[1], name="City"))
    plan = plan_catalogue(read(2000, *shown), known, {})
    assert facts_of(plan) == [("tag_moved", "t2")]
    assert applied(known, plan).tags["t2"].group_id == "g2"


def test_absence_without_an_event_is_looked_at_again_first():
    """Nothing is written before the second look (design: absence is suspicious)."""
    plan = plan_catalogue(read(2000, seen_group("g1", LEVEL.tags[0])), KNOWN, {})
    assert plan.unconfirmed == {"g1"}
    assert (plan.groups, plan.tags, plan.facts) == ((), (), ())


@pytest.mark.parametrize(
    ("look", "facts"),
    [
        pytest.param(SecondLook(LEVEL), [], id="it is there after all"),
        pytest.param(
            SecondLook(seen_group("g1", LEVEL.tags[0]), frozenset({"t2"})), [("tag_deleted", "t2")], id="called deleted"
        ),
        pytest.param(SecondLook(seen_group("g1", LEVEL.tags[0])), [("tag_deleted", "t2")], id="not there again"),
        pytest.param(
            SecondLook(None, frozenset({"t1", "t2"})),
            [("tag_deleted", "t1"), ("tag_deleted", "t2"), ("tag_group_deleted", "g1")],
            id="all of the group is called deleted meanwhile",
        ),
        pytest.param(
            SecondLook(refused=True),
            [("tag_deleted", "t1"), ("tag_deleted", "t2"), ("tag_group_deleted", "g1")],
            id="the group's id is unknown meanwhile",
        ),
        pytest.param(SecondLook(), [("tag_deleted", "t2")], id="an answer about nothing adds nothing"),
        pytest.param(SecondLook(seen_group("g1", tags=None)), [], id="an answer without its list of tags neither"),
    ],
)
def test_the_second_look_decides(look: SecondLook, facts: list[tuple[str, str]]):
    """Confirmed by a read of its own in the same pass (TAG-2)."""
    plan = plan_catalogue(read(2000, seen_group("g1", LEVEL.tags[0]), looks={"g1": look}), KNOWN, {})
    assert facts_of(plan) == facts
    assert not any(fact.evidenced for fact in plan.facts)


def test_a_deletion_that_an_event_told_of_needs_no_second_look():
    """It has the event's time (design: what no read can tell is evidence)."""
    plan = plan_catalogue(read(2000, seen_group("g1", LEVEL.tags[0])), KNOWN, {"t2": at(1990)})
    assert facts_of(plan) == [("tag_deleted", "t2")]
    assert plan.tags[0].deleted_at == at(1990)
    assert plan.facts[0].evidenced


def test_the_tags_of_a_deleted_group_go_with_its_event():
    """WeCom sends one event for the group and none for its tags (TAG-2)."""
    plan = plan_catalogue(read(2000), KNOWN, {"g1": at(1990)})
    assert facts_of(plan) == [("tag_deleted", "t1"), ("tag_deleted", "t2"), ("tag_group_deleted", "g1")]
    assert {one.deleted_at for one in (*plan.tags, *plan.groups)} == {at(1990)}
    assert all(fact.evidenced for fact in plan.facts)


def test_a_group_goes_with_its_last_tag():
    """No group stays empty, and only the tags' events tell of it (TAG-2)."""
    plan = plan_catalogue(read(2000), KNOWN, {"t1": at(1980), "t2": at(1990)})
    assert facts_of(plan) == [("tag_deleted", "t1"), ("tag_deleted", "t2"), ("tag_group_deleted", "g1")]
    assert plan.groups[0].deleted_at == at(1990)


def test_a_read_that_is_behind_its_event_changes_nothing_yet():
    """It is looked at again, less and less often, until reads have had their time (TAG-2)."""
    waits = []
    for second in (1991, 1999, 2100, 2589):
        plan = plan_catalogue(read(second, LEVEL), KNOWN, {"t2": at(1990)}, bounds=BOUNDS)
        assert (plan.groups, plan.tags) == ((), ())
        assert plan.look_again_at is not None
        waits.append((plan.look_again_at - at(second)).total_seconds())
    assert waits == [2, 9, 110, 2]
    assert plan_catalogue(read(2590, LEVEL), KNOWN, {"t2": at(1990)}, bounds=BOUNDS).look_again_at is None


def test_a_tag_that_comes_back_lives_again():
    """The same id, shown after reads have had their time: a new start, and old events say nothing of it (TAG-2)."""
    gone = recorded(group("g1", name="Level"), tag("t1", "g1", name="Gold", deleted=1000))
    shown = seen_group("g1", seen_tag("t1", "Gold"), name="Level")
    young = plan_catalogue(read(1100, shown), gone, {"t1": at(1000)}, bounds=BOUNDS)
    assert (young.tags, young.look_again_at) == ((), at(1200))
    plan = plan_catalogue(read(2000, shown), gone, {"t1": at(1000)}, bounds=BOUNDS)
    assert facts_of(plan) == [("tag_created", "t1")]
    back = applied(gone, plan)
    assert (back.tags["t1"].deleted_at, back.tags["t1"].shown_at) == (None, at(2000))
    assert plan_catalogue(read(3000, seen_group("g1", name="Level")), back, {"t1": at(1000)}).unconfirmed == {"g1"}


def test_a_group_whose_tags_a_read_does_not_state_keeps_them():
    """A malformed list is not an empty one (TAG-2)."""
    plan = plan_catalogue(read(2000, seen_group("g1", tags=None, name="Rank")), KNOWN, {})
    assert facts_of(plan) == [("tag_group_renamed", "g1")]


def test_a_group_in_two_pieces_is_one_group():
    """Whatever WeCom makes of its list, nothing of it counts as missing (TAG-2)."""
    halves = [seen_group("g1", one, name="Level", sort=20) for one in LEVEL.tags]
    plan = plan_catalogue(read(2000, *halves), KNOWN, {})
    assert (plan.facts, plan.unconfirmed) == ((), frozenset())


def test_an_empty_answer_that_nothing_confirms_deletes_nothing():
    """Two empty answers may have one cause that is no deletion; a person decides (design: absence is suspicious)."""
    plan = plan_catalogue(read(2000, looks={"g1": SecondLook()}), KNOWN, {})
    assert plan.withheld
    assert plan.facts == ()
    marked = applied(KNOWN, plan)
    assert {one.missing_at for one in (*marked.groups.values(), *marked.tags.values())} == {at(2000)}
    assert all(one.deleted_at is None for one in marked.tags.values())
    back = plan_catalogue(read(3000, LEVEL), marked, {})
    assert {one.missing_at for one in (*back.groups, *back.tags)} == {None}
    assert back.facts == ()


def test_an_empty_answer_that_wecom_confirms_by_name_is_believed():
    """The small corp that gave up its few tags (TAG-2)."""
    looks = {"g1": SecondLook(None, frozenset({"t1", "t2"}))}
    plan = plan_catalogue(read(2000, looks=looks), KNOWN, {})
    assert facts_of(plan) == [("tag_deleted", "t1"), ("tag_deleted", "t2"), ("tag_group_deleted", "g1")]


def test_very_much_missing_at_once_waits_for_a_person_and_all_else_goes_on():
    """Past a threshold the plan waits; what lives is followed, what events told of is deleted (TAG-2)."""
    doomed = frozenset(one for one in BIG.tags if one.startswith("g0"))
    rest = [seen_group(one, *(seen_tag(t, "new") for t in BIG.tags if t.startswith(one))) for one in ("g1", "g2")]
    looks = {"g0": SecondLook(None, doomed)}
    plan = plan_catalogue(read(2000, *rest, looks=looks), BIG, {"g3": at(1990)})
    kinds = {fact.TYPE for fact in plan.facts}
    assert kinds == {"tag_renamed", "tag_deleted", "tag_group_deleted"}
    assert {fact.group_id for fact in plan.facts if fact.TYPE == "tag_deleted"} == {"g3"}
    assert plan.withheld
    after = applied(BIG, plan)
    assert {one for one, known in after.tags.items() if known.missing_at} == doomed
    approved = plan_approved(after, {*doomed, "g0", "g1t1", "unknown"}, at=at(3000))
    assert {one.tag_id for one in approved.tags} == doomed
    assert [one.group_id for one in approved.groups] == ["g0"]
    assert all(one.deleted_at == at(3000) and one.missing_at is None for one in approved.tags)
    assert len(approved.facts) == len(doomed) + 1


def test_what_there_was_no_time_to_look_at_stays_and_has_its_turn_later():
    """A second look costs calls; those left out decide nothing (TAG-2)."""
    plan = plan_catalogue(read(2000, looks={}), KNOWN, {})
    assert (plan.groups, plan.tags, plan.facts, plan.unconfirmed) == ((), (), (), frozenset())
    assert plan.look_again_at == at(2600)
