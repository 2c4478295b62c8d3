"""What a read of a chat means, case by case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.groups.model import Kind, Observed, ObservedMember, Recorded, Source, Stay, Traits, Unreadable
from services.groups.plan import plan_chat
from services.groups.versions import LAG
from tests.services.groups.factories import (
    CHANGED,
    CHAT,
    CHEN,
    CREATED,
    DISMISSED,
    JOINED,
    LEFT,
    LI,
    WU,
    ZONE,
    after,
    applied,
    at,
    facts_of,
    read,
    refused,
    second_of,
    stays_of,
    told,
)

KNOWN = after((read(10, CHEN=1), ()))
JOIN, LEAVE = told(JOINED, 20, WU, versions=("v0", "v1")), told(LEFT, 20, CHEN, scene=1, versions=("v0", "v1"))


def looks(observed: Observed, known: Recorded, *evidence: object) -> list[float]:
    """When a chat is looked at again while the read stays as it is."""
    found = []
    for _ in range(20):
        plan = plan_chat(observed, known, evidence, zone=ZONE)  # type: ignore[arg-type]
        known = applied(known, plan)
        if plan.look_again_at is None:
            return found
        found.append(second_of(plan.look_again_at))
        observed = replace(observed, observed_at=plan.look_again_at)
    raise AssertionError("it is looked at for ever")


def test_a_first_look_tells_of_the_chat_and_everybody_in_it():
    """Joins are counted on the day on which they were (GRP-1, GRP-2)."""
    plan = plan_chat(read(10, CHEN=1), Recorded(), (), zone=ZONE)
    assert set(facts_of(plan)) == {
        ("chat_created", None, 0),
        ("chat_member_joined", CHEN, 1),
        ("chat_member_joined", LI, 0),
    }
    ((_, change),) = plan.days.items()
    assert (change.joined, change.left, plan.chat.member_count) == (2, 0, 2)


def test_a_read_behind_its_event_is_repeated_with_growing_waits():
    """Two seconds, then twice the age of the event, until reads have caught up for sure (GRP-1)."""
    assert looks(read(20, CHEN=1), KNOWN, JOIN) == [22, 24, 28, 36, 52, 84, 148, 170]


def test_after_the_longest_lag_the_read_is_right():
    """Somebody of whom only the event tells was there, and is not any more (GRP-1)."""
    late = at(20) + LAG
    plan = plan_chat(replace(read(20, CHEN=1), observed_at=late), KNOWN, [JOIN], zone=ZONE)
    assert [(one.joined_by, one.left_by) for one in plan.stays] == [(Source.EVENT, Source.READ)]
    assert plan.look_again_at is None


def test_a_version_that_is_the_events_own_needs_no_second_look():
    """One event, one read (GRP-1)."""
    assert looks(read(20, "v1", CHEN=1, WU=20), KNOWN, JOIN) == []


def test_an_event_without_its_members_is_held_against_the_version():
    """Older pushes name nobody (GRP-1)."""
    nameless = replace(JOIN, members=())
    assert looks(read(21, CHEN=1), KNOWN, nameless)
    assert looks(read(21, CHEN=1), KNOWN, replace(nameless, last_version=None, version=None))
    assert not looks(read(21, "v1", CHEN=1, WU=20), KNOWN, nameless)


def test_a_leave_is_told_with_the_time_and_scene_of_its_event():
    """No read shows them (GRP-1)."""
    plan = plan_chat(read(25, "v1"), KNOWN, [LEAVE], zone=ZONE)
    assert facts_of(plan) == [("chat_member_left", CHEN, 20)]
    assert stays_of(applied(KNOWN, plan), CHEN) == [(1, 20, "event", 1)]


def test_a_leave_that_no_event_told_of_has_the_time_of_the_read():
    """Events get lost; that reads have caught up is waited for, since copies of WeCom may differ (GRP-1)."""
    assert looks(read(25, "v1"), KNOWN) == [40, 55, 85, 145, 175]
    plan = plan_chat(read(200, "v1"), KNOWN, (), zone=ZONE)
    assert stays_of(applied(KNOWN, plan), CHEN) == [(1, 200, "read", None)]


def test_the_event_of_a_leave_that_was_found_refines_it_without_a_word():
    """It was told before (GRP-1)."""
    found = after((read(200, "v1"), ()), before=KNOWN)
    plan = plan_chat(read(201, "v1"), found, [LEAVE], zone=ZONE)
    assert facts_of(plan) == []
    assert stays_of(applied(found, plan), CHEN) == [(1, 20, "event", 1)]


def test_another_join_time_is_another_stay():
    """They left and came back, and both events got lost (GRP-1)."""
    plan = plan_chat(read(60, "v2", CHEN=50), KNOWN, (), zone=ZONE)
    assert stays_of(applied(KNOWN, plan), CHEN) == [(1, 50, "read", None), (50, None, None, None)]
    assert facts_of(plan) == [("chat_member_joined", CHEN, 50), ("chat_member_left", CHEN, 50)]


def test_a_read_from_a_copy_that_is_behind_undoes_nothing():
    """The version that was read before is known to be newer (GRP-1)."""
    newer = after((read(21, "v1", CHEN=1, WU=20), [JOIN]), before=KNOWN)
    plan = plan_chat(read(22, "v0", CHEN=1), newer, [JOIN], zone=ZONE)
    assert (plan.chat, plan.stays, plan.look_again_at) == (None, (), at(24))


def test_an_older_read_changes_nothing():
    """Reads may be recorded in another order than they were made (GRP-1)."""
    assert plan_chat(read(9, "v9"), KNOWN, (), zone=ZONE).chat is None


def test_a_read_that_shows_nobody_says_nothing_of_the_members():
    """Absence is suspicious: the owner is always in it (GRP-1)."""
    plan = plan_chat(replace(read(20, "v1"), members=None), KNOWN, (), zone=ZONE)
    assert (plan.stays, plan.chat.member_count) == ((), 2)


def test_what_a_read_withholds_stays():
    """A field that WeCom does not state never empties what is known (GRP-1)."""
    full = ObservedMember(Kind.CUSTOMER, at(1), Traits(1, LI, "booth", "nick", "name", "union"))
    bare = ObservedMember(Kind.CUSTOMER, at(1), Traits())
    known = after((Observed(CHAT, at(1), "One", LI, "note", (LI,), at(0), "v0", {CHEN: full}), ()))
    again = after((Observed(CHAT, at(2), members={CHEN: bare}), ()), before=known)
    assert again.stays == known.stays
    assert replace(again.chat, observed_at=None) == replace(known.chat, observed_at=None)


@pytest.mark.parametrize("field", ["name", "owner", "notice"])
def test_a_change_without_a_version_is_looked_for(field: str):
    """Until it shows, for as long as reads may lag; once it shows, no more (GRP-1)."""
    event = told(CHANGED, 20, field=field)
    assert len(looks(read(20, CHEN=1), KNOWN, event)) == 8
    changed = {"name": {"name": "Two"}, "owner": {"owner": CHEN}, "notice": {"notice": "new"}}[field]
    plan = plan_chat(replace(read(21, CHEN=1), **changed), KNOWN, [event], zone=ZONE)
    assert plan.look_again_at is None
    assert [one[2] for one in facts_of(plan)] == [20]


def test_a_new_chat_that_reads_do_not_show_yet_is_waited_for():
    """Nothing is recorded of what was never seen (GRP-1)."""
    event = told(CREATED, 20)
    plan = plan_chat(refused(20), Recorded(), [event], zone=ZONE)
    assert (plan.chat, plan.look_again_at) == (None, at(22))
    late = plan_chat(refused(20 + LAG.total_seconds()), Recorded(), [event], zone=ZONE)
    assert (late.chat, late.facts, late.look_again_at) == (None, (), None)


@pytest.mark.parametrize("why", list(Unreadable))
def test_a_dismissal_ends_the_chat_whatever_the_read_is_refused_with(why: Unreadable):
    """All stays end when the event says (GRP-1)."""
    plan = plan_chat(refused(25, why), KNOWN, [told(DISMISSED, 22)], zone=ZONE)
    record = applied(KNOWN, plan)
    assert (record.chat.dismissed_at, record.chat.member_count) == (at(22), 0)
    assert stays_of(record, CHEN) == [(1, 22, "dismissal", None)]
    assert facts_of(plan)[-1] == ("chat_dismissed", None, 22)
    assert plan_chat(refused(26, why), record, [told(DISMISSED, 22)], zone=ZONE).chat is None


@pytest.mark.parametrize("why", [Unreadable.UNKNOWN, Unreadable.HIDDEN])
def test_without_a_dismissal_an_unreadable_chat_is_out_of_sight_and_comes_back(why: Unreadable):
    """Nothing of it is taken for ended (GRP-1)."""
    gone = plan_chat(refused(25, why), KNOWN, (), zone=ZONE)
    record = applied(KNOWN, gone)
    assert (gone.stays, record.chat.out_of_sight_at, record.chat.member_count) == ((), at(25), 2)
    back = plan_chat(read(30, CHEN=1), record, (), zone=ZONE)
    assert facts_of(back) == [("chat_in_sight", None, 30)]
    assert (back.stays, back.chat.out_of_sight_at) == ((), None)


def test_a_dismissal_that_reads_do_not_show_yet_is_waited_for():
    """The last state is shown for some seconds; a chat that goes on after that was not dismissed (GRP-1)."""
    assert looks(read(22, CHEN=1), KNOWN, told(DISMISSED, 22))[-1] == 22 + LAG.total_seconds()
    alive = after((read(400, CHEN=1), ()), before=KNOWN)
    assert plan_chat(refused(401), alive, [told(DISMISSED, 22)], zone=ZONE).chat.dismissed_at is None


def test_a_chat_that_was_taken_for_dismissed_goes_on():
    """Whoever is still there has never left (GRP-1)."""
    ended = after((refused(25, Unreadable.DISMISSED), ()), before=KNOWN)
    plan = plan_chat(read(400, CHEN=1), ended, (), zone=ZONE)
    assert set(facts_of(plan)) == {
        ("chat_in_sight", None, 400),
        ("chat_member_returned", CHEN, 400),
        ("chat_member_returned", LI, 400),
    }
    assert {(one.joined, one.left) for one in plan.days.values()} == {(0, -2)}
    assert applied(ended, plan).stays == KNOWN.stays


def test_an_event_from_the_future_does_not_keep_a_chat_busy_for_ever():
    """Waits are measured from when it was heard, if that is earlier (GRP-1)."""
    future = told(JOINED, 10**8, WU, heard=20)
    assert looks(read(20, CHEN=1), KNOWN, future)[-1] == 170


def test_days_are_those_of_the_corp():
    """A join at 23:30 UTC is on the next day in Shanghai (GRP-5)."""
    night = timedelta(hours=23, minutes=30).total_seconds()
    plan = plan_chat(read(night, CHEN=night), Recorded(), (), zone=ZONE)
    assert [str(day) for day in plan.days] == ["2026-03-02", "2026-03-03"]


def test_somebody_known_from_events_only_is_told_by_the_look_of_their_id():
    """An external id is long and begins with wm or wo; a member may be called Wong (GRP-1)."""
    late = LAG.total_seconds() + 30
    events = [told(JOINED, 20, "wong", WU), told(LEFT, 25, "wong", WU)]
    plan = plan_chat(read(late, CHEN=1), KNOWN, events, zone=ZONE)
    assert {one.member_id: one.kind for one in plan.stays} == {"wong": Kind.ASSOCIATE, WU: Kind.CUSTOMER}
    assert {one.subject for one in plan.facts} == {("associate", "wong"), ("external_contact", WU)}


def test_a_scene_of_the_event_stands_until_the_read_says_more():
    """Reads and events number scenes differently: 0 is one of 1 and 2 (GRP-1)."""
    events = [told(JOINED, 20, WU, scene=0)]
    bare = ObservedMember(Kind.CUSTOMER, at(20), Traits())
    seen = replace(read(30, "v1"), members={**read(30, CHEN=1).members, WU: bare})
    plan = plan_chat(seen, KNOWN, events, zone=ZONE)
    assert plan.stays == (Stay(WU, 1, Kind.CUSTOMER, at(20), Source.READ, traits=Traits(join_scene=0)),)
    full = after((read(31, "v1", CHEN=1, WU=20), events), before=applied(KNOWN, plan))
    assert full.stays[WU][0].traits.join_scene == 1
