"""What a read, the record and the evidence of events make of a contact's relations."""

from datetime import timedelta

import pytest

from services.customers.model import Absence, Evidence, Notes, Profile, RelationEdited, State
from services.customers.plan import LOOK_AGAIN_AFTER, Lags, plan_contact
from tests.services.factories import (
    ADDED,
    CONTACT,
    DELETED,
    HALF_ADDED,
    LI,
    LOST,
    TRANSFERRED,
    ZHAO,
    applied,
    at,
    facts_of,
    friendship,
    listed,
    read,
    recorded,
    relation,
    times,
    told,
)

CUSTOMER, ASSOCIATE, MOVED = State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE, State.TRANSFERRED
NEVER = recorded()

FRIENDS = recorded(relation(LI, friendship(100)))
LOST_AT_200 = recorded(relation(LI, friendship(100, 200)))
LAGS = Lags(deletion=timedelta(seconds=600), addition=timedelta(seconds=120))


def planned(observed, before, *evidence, **absences):
    """The plan, after a check that it settles: once applied, the same look leads to nothing."""
    given = {LI: absences["li"]} if "li" in absences else None
    plan = plan_contact(observed, before, evidence, absences=given, lags=LAGS)
    again = plan_contact(observed, applied(before, plan), evidence, absences=given, lags=LAGS)
    assert (again.profile, again.relations, again.facts) == (None, (), ())
    return plan


def state_of(plan):
    (one,) = plan.relations
    return one.state


STARTED = "relation_started"

TRANSITIONS = [
    pytest.param(NEVER, read(9, listed(LI, 5)), [], "active", [(STARTED, 5)], id="a read finds a relation"),
    pytest.param(NEVER, read(9, listed(LI, 5)), [(ADDED, 5)], "active", [(STARTED, 5)], id="added, and read"),
    pytest.param(NEVER, read(9), [(HALF_ADDED, 5)], "half", [("relation_half_added", 5)], id="half added"),
    pytest.param(
        recorded(relation(LI, half=5)),
        read(9, listed(LI, 7)),
        [(HALF_ADDED, 5), (ADDED, 7)],
        "active",
        [(STARTED, 7)],
        id="half added, then confirmed",
    ),
    pytest.param(
        NEVER,
        read(9, listed(LI, 7)),
        [(ADDED, 7), (HALF_ADDED, 5)],
        "active",
        [(STARTED, 7)],
        id="half added and confirmed, learned at once",
    ),
    pytest.param(
        FRIENDS,
        read(201, listed(LI, 100)),
        [(LOST, 200)],
        CUSTOMER.value,
        [("relation_lost", 200)],
        id="lost, though reads go on listing it",
    ),
    pytest.param(
        LOST_AT_200,
        read(301, listed(LI, 300)),
        [(LOST, 200)],
        "active",
        [(STARTED, 300)],
        id="a later createtime ends the loss",
    ),
    pytest.param(
        LOST_AT_200,
        read(301, listed(LI, 100)),
        [(LOST, 200), (ADDED, 300)],
        "active",
        [(STARTED, 300)],
        id="a later add event ends the loss before reads show it",
    ),
    pytest.param(
        LOST_AT_200,
        read(301, listed(LI, 100)),
        [(LOST, 200), (HALF_ADDED, 300)],
        "half",
        [("relation_half_added", 300)],
        id="a lost customer asks again",
    ),
    pytest.param(
        LOST_AT_200,
        read(301),
        [(LOST, 200), (DELETED, 300)],
        None,
        [],
        id="the associate clears a lost customer away: still lost",
    ),
    pytest.param(
        FRIENDS, read(201), [(DELETED, 200)], ASSOCIATE.value, [("relation_deleted", 200)], id="the associate deletes"
    ),
    pytest.param(
        FRIENDS, read(201), [(TRANSFERRED, 200)], MOVED.value, [("relation_transferred", 200)], id="transferred away"
    ),
    pytest.param(
        recorded(relation(LI, friendship(100, 200, ASSOCIATE))),
        read(301, listed(LI, 300)),
        [(DELETED, 200), (ADDED, 300)],
        "active",
        [(STARTED, 300)],
        id="deleted, then friends again",
    ),
    pytest.param(
        NEVER,
        read(301),
        [(ADDED, 100), (DELETED, 200)],
        ASSOCIATE.value,
        [(STARTED, 100), ("relation_deleted", 200)],
        id="added and gone before we read",
    ),
    pytest.param(
        NEVER,
        read(301, listed(LI, 100)),
        [(LOST, 200), (ADDED, 100)],
        CUSTOMER.value,
        [(STARTED, 100), ("relation_lost", 200)],
        id="added and lost before we read, the newest first",
    ),
    pytest.param(NEVER, read(301), [(LOST, 200)], CUSTOMER.value, [("relation_lost", 200)], id="only the end is known"),
    pytest.param(
        FRIENDS, read(301, listed(LI, 100)), [(ADDED, 100), (ADDED, 101)], None, [], id="a repeated add, a second later"
    ),
    pytest.param(
        LOST_AT_200,
        read(301, listed(LI, 100)),
        [(ADDED, 100), (LOST, 200), (LOST, 201), (LOST, 200)],
        None,
        [],
        id="a repeated loss, a second later",
    ),
    pytest.param(
        recorded(relation(LI, friendship(100, 201))),
        read(301, listed(LI, 100)),
        [(LOST, 201), (LOST, 200)],
        CUSTOMER.value,
        [],
        id="a repeated loss, a second earlier, is no second loss",
    ),
    pytest.param(FRIENDS, read(301, listed(LI, 101)), [], None, [], id="a createtime that differs by a second"),
    pytest.param(NEVER, read(301), [], None, [], id="nothing known, nothing seen"),
]


@pytest.mark.parametrize(("before", "observed", "evidence", "state", "facts"), TRANSITIONS)
def test_states_follow_from_read_record_and_evidence(before, observed, evidence, state, facts):
    """Each relation is what reads and evidence, by their own times, say of it (ASG-8, ASG-10, LOSS-1)."""
    known = [told(LI, kind, second) for kind, second in evidence]
    plan = planned(observed, before, *known)
    assert [one.state.value for one in plan.relations] == ([] if state is None else [state])
    assert facts_of(plan) == [(type_, LI, second) for type_, second in facts]
    assert not plan.unconfirmed
    backwards = plan_contact(observed, before, known[::-1], lags=LAGS)
    assert backwards == plan


def test_a_new_friendship_after_a_loss_keeps_the_lost_one():
    """A lost customer who is added again is not lost any more, and both are kept (ASG-8)."""
    plan = planned(read(301, listed(LI, 300)), LOST_AT_200, told(LI, LOST, 200), told(LI, ADDED, 300))
    (one,) = plan.relations
    assert times(one.friendships) == [(100, 200, "ended_by_customer"), (300, None, None)]
    assert one.present == friendship(300)


def test_a_loss_in_the_second_of_an_older_add_ends_nothing_later():
    """A loss learned late, from before the present friendship, does not end it (ASG-8, ASG-10)."""
    now_friends = recorded(relation(LI, friendship(300)))
    plan = planned(read(301, listed(LI, 300)), now_friends, told(LI, LOST, 200))
    assert state_of(plan) is State.ACTIVE
    assert facts_of(plan) == [("relation_lost", LI, 200)]


def test_a_start_and_an_end_of_one_second_are_told_in_that_order():
    """Whoever reads the facts one after another must not take the end for the older one (LOSS-2)."""
    plan = planned(read(101, listed(LI, 100)), NEVER, told(LI, ADDED, 100), told(LI, LOST, 100))
    assert [fact.TYPE for fact in plan.facts] == ["relation_started", "relation_lost"]


@pytest.mark.parametrize("second", [201, 799])
def test_a_deletion_holds_while_reads_may_be_behind_and_is_looked_at_again(second):
    """Within the deletion lag the event is believed over a read that still lists the relation (LOSS-1)."""
    plan = planned(read(second, listed(LI, 100)), FRIENDS, told(LI, DELETED, 200))
    assert state_of(plan) is ASSOCIATE
    assert plan.look_again_at == at(200) + LAGS.deletion


def test_a_relation_that_is_listed_beyond_the_lag_was_not_deleted():
    """After the deletion lag the read is believed: the friendship goes on, and that is told (LOSS-1)."""
    ended = recorded(relation(LI, friendship(100, 200, ASSOCIATE)))
    plan = planned(read(800, listed(LI, 100)), ended, told(LI, DELETED, 200))
    assert state_of(plan) is State.ACTIVE
    assert facts_of(plan) == [("relation_in_sight", LI, 800)]
    assert plan.look_again_at is None


def test_a_loss_holds_however_long_reads_list_the_relation():
    """No read undoes a loss: a year later the customer is still lost (ASG-8, LOSS-1)."""
    plan = planned(read(200 + 365 * 86_400, listed(LI, 100)), LOST_AT_200, told(LI, LOST, 200))
    assert (plan.relations, plan.facts, plan.look_again_at) == ((), (), None)


def test_an_absence_without_evidence_is_looked_at_a_second_time():
    """A relation that a complete read does not show is neither kept nor ended before a second look (LOSS-1)."""
    plan = planned(read(500), FRIENDS)
    assert plan.unconfirmed == {LI}
    assert (plan.relations, plan.facts) == ((), ())


def test_a_confirmed_absence_ends_the_relation_by_the_associate():
    """Customers' removals never vanish from reads, so what vanished was deleted on our side (LOSS-1)."""
    plan = planned(read(500), FRIENDS, li=Absence.ENDED)
    assert times(plan.relations[0].friendships) == [(100, 500, "ended_by_associate")]
    (fact,) = plan.facts
    assert (fact.TYPE, fact.evidenced) == ("relation_deleted", False)


def test_the_event_of_a_confirmed_absence_gives_its_time_and_is_no_second_end():
    """The delete event that comes late corrects the time; nobody is told of it twice (LOSS-1)."""
    found_missing = recorded(relation(LI, friendship(100, 500, ASSOCIATE)))
    plan = planned(read(501), found_missing, told(LI, DELETED, 200))
    assert times(plan.relations[0].friendships) == [(100, 200, "ended_by_associate")]
    assert plan.facts == ()


def test_an_associate_out_of_sight_tells_nothing_of_the_end():
    """When the app does not see the member any more, the friendship is neither lost nor deleted (LOSS-1)."""
    plan = planned(read(500), FRIENDS, li=Absence.OUT_OF_SIGHT)
    (one,) = plan.relations
    assert one.state is State.OUT_OF_SIGHT
    assert one.present == friendship(100)
    assert facts_of(plan) == [("relation_out_of_sight", LI, 500)]


def test_a_relation_still_there_at_the_second_look_stays_and_is_read_again():
    """Two reads that contradict each other change nothing, and are not asked again in a hurry (LOSS-1)."""
    plan = planned(read(500), FRIENDS, li=Absence.STILL_THERE)
    assert (plan.relations, plan.facts, plan.unconfirmed) == ((), (), frozenset())
    assert plan.look_again_at == at(500) + Lags().deletion


UNSEEN = recorded(relation(LI, friendship(100), state=State.OUT_OF_SIGHT))


def test_a_relation_out_of_sight_that_is_read_again_is_active_and_no_new_friendship():
    """Coming back into sight is no new customer (ASG-8)."""
    plan = planned(read(600, listed(LI, 100)), UNSEEN)
    assert state_of(plan) is State.ACTIVE
    assert facts_of(plan) == [("relation_in_sight", LI, 600)]


def test_a_partial_read_leaves_a_relation_out_of_sight():
    """A read of others says nothing of this relation (LOSS-1)."""
    plan = planned(read(600, listed(ZHAO, 50), complete=False), UNSEEN)
    assert [one.userid for one in plan.relations] == [ZHAO]


def test_an_event_ends_a_relation_out_of_sight():
    """Evidence counts although no read can show the relation (LOSS-1)."""
    plan = planned(read(600, complete=False), UNSEEN, told(LI, LOST, 550))
    assert state_of(plan) is CUSTOMER
    assert facts_of(plan) == [("relation_lost", LI, 550)]


def test_a_partial_read_never_ends_anything():
    """Absence from a page that is not all of the contact means nothing (LOSS-1)."""
    before = recorded(relation(LI, friendship(100)), relation(ZHAO, friendship(150)))
    plan = planned(read(90_000, complete=False), before)
    assert (plan.relations, plan.facts, plan.unconfirmed, plan.look_again_at) == ((), (), frozenset(), None)


def test_an_add_that_reads_do_not_show_yet_waits():
    """A young add event without a read is looked at again, and nothing is written or told until then (ASG-10)."""
    plan = planned(read(101), NEVER, told(LI, ADDED, 100))
    assert (plan.relations, plan.facts, plan.unconfirmed) == ((), (), frozenset())
    assert plan.look_again_at == at(101) + LOOK_AGAIN_AFTER


def test_an_add_that_reads_never_show_is_looked_at_a_second_time():
    """Beyond the addition lag the absence must be confirmed like any other (ASG-10)."""
    add = told(LI, ADDED, 100)
    assert planned(read(220), NEVER, add).unconfirmed == {LI}
    plan = planned(read(220), NEVER, add, li=Absence.ENDED)
    assert facts_of(plan) == [("relation_started", LI, 100), ("relation_deleted", LI, 220)]


@pytest.mark.parametrize("absence", [None, Absence.ENDED])
def test_an_add_within_a_friendship_waits_as_well(absence):
    """Its end was unheard, and reads do not show the new one yet: that nobody is shown says nothing (LOSS-1)."""
    plan = planned(read(1063), FRIENDS, told(LI, ADDED, 1000), **({"li": absence} if absence else {}))
    assert (plan.relations, plan.facts, plan.unconfirmed) == ((), (), frozenset())
    assert plan.look_again_at == at(1063) + LOOK_AGAIN_AFTER


def test_a_start_says_whether_an_event_told_of_it():
    """A friendship found by a read alone is marked so, with way and state of the add where known (ASG-9)."""
    plan = planned(read(9, listed(LI, 5, add_way=1, add_state="door")), NEVER)
    assert [(f.evidenced, f.add_way, f.add_state) for f in plan.facts] == [(False, 1, "door")]
    plan = planned(read(9, listed(LI, 5)), NEVER, told(LI, ADDED, 6, add_state="shop"))
    assert [(f.evidenced, f.add_way, f.add_state) for f in plan.facts] == [(True, None, "shop")]


def test_a_relation_without_a_createtime_is_known_since_the_first_look():
    """Some reads leave the time out: the relation is a friendship all the same, and stays the same one (ASG-2)."""
    plan = planned(read(500, listed(LI, None)), NEVER)
    assert times(plan.relations[0].friendships) == [(500, None, None)]
    assert planned(read(900, listed(LI, None)), FRIENDS).relations == ()


@pytest.mark.parametrize("second", [201, 5000])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(LOST_AT_200, id="its start is known"),
        pytest.param(NEVER, id="nothing is recorded"),
        pytest.param(recorded(relation(LI, friendship(None, 200))), id="only its end is recorded"),
    ],
)
def test_a_read_without_a_createtime_does_not_undo_a_loss(before, second):
    """Only an add, or a createtime that is later, ends a loss (ASG-8)."""
    plan = planned(read(second, listed(LI, None)), before, told(LI, LOST, 200))
    assert applied(before, plan).relations[LI].state is CUSTOMER


def test_a_read_without_a_createtime_keeps_the_friendships_of_the_past():
    """The present friendship says nothing against the end of an earlier one (ASG-8)."""
    twice = recorded(relation(LI, friendship(100, 200, ASSOCIATE), friendship(300)))
    plan = planned(read(5000, listed(LI, None)), twice, told(LI, DELETED, 200), told(LI, ADDED, 300))
    assert plan.relations == ()


def test_relations_of_one_contact_are_decided_each_on_its_own():
    """One associate's loss says nothing of another's friendship (ASG-6)."""
    before = recorded(relation(LI, friendship(100)), relation(ZHAO, friendship(150)))
    plan = planned(read(201, listed(LI, 100), listed(ZHAO, 150)), before, told(ZHAO, LOST, 200))
    assert [(one.userid, one.state) for one in plan.relations] == [(ZHAO, CUSTOMER)]


KNOWN = Notes(remark="old", corp_tag_ids=("t1",), remark_mobiles=("13800000000",), personal_tags=("likes tea",))


def test_a_field_that_a_read_leaves_out_is_not_emptied():
    """Absent is not empty: what is known stays (CUS-4)."""
    before = recorded(relation(LI, friendship(100), notes=KNOWN))
    assert planned(read(500, listed(LI, 100)), before).relations == ()
    plan = planned(read(500, listed(LI, 100, remark="")), before)
    assert plan.relations[0].notes == Notes(
        remark="", corp_tag_ids=("t1",), remark_mobiles=("13800000000",), personal_tags=("likes tea",)
    )


def test_an_edit_is_told_by_field_name_only():
    """Facts name what changed and never hold its content (ACC-3)."""
    before = recorded(relation(LI, friendship(100), notes=KNOWN))
    plan = planned(read(500, listed(LI, 100, remark="new", corp_tag_ids=(), description="first words")), before)
    assert plan.facts == (
        RelationEdited(occurred_at=at(500), userid=LI, external_userid=CONTACT, changed=("remark", "corp_tag_ids")),
    )


def test_what_a_new_friendship_brings_is_no_edit():
    """A start tells of the whole relation; its changed fields are no news of their own (ASG-8)."""
    before = recorded(relation(LI, friendship(100, 200), notes=KNOWN))
    plan = planned(read(301, listed(LI, 300, remark="new")), before, told(LI, LOST, 200))
    assert [fact.TYPE for fact in plan.facts] == ["relation_started"]


def test_a_profile_is_written_when_it_changed_and_keeps_what_is_not_stated():
    """The contact's own fields follow the read where it states them (CUS-4)."""
    before = recorded(profile=Profile(name="Chen", gender=1))
    assert planned(read(9, profile=Profile(name="Chen")), before).profile is None
    assert planned(read(9, profile=Profile(name="Chen Li")), before).profile == Profile(name="Chen Li", gender=1)
    assert planned(read(9), before).profile is None
    assert planned(read(9, profile=Profile()), NEVER).profile == Profile()


def test_a_friendship_begins_when_the_read_says_so():
    """Ended unseen and begun again: the read's time of its creation stands, and nothing is told twice (ASG-2)."""
    before = recorded(relation(LI, friendship(50)))
    plan = planned(read(9000, listed(LI, 5000)), before)
    assert [times(one.friendships) for one in plan.relations] == [[(5000, None, None)]]
    assert plan.facts == ()
    assert planned(read(9100, listed(LI, 5000)), applied(before, plan)).relations == ()


def test_a_half_add_that_ended_is_over():
    """Asked twice, taken back twice: nobody was a friend, and nobody lost one (ASG-10)."""
    told_of = [told(LI, HALF_ADDED, 100), told(LI, DELETED, 200), told(LI, HALF_ADDED, 300), told(LI, DELETED, 400)]
    plan = planned(read(1000), recorded(), *told_of)
    assert [one.state.value for one in plan.relations] == ["ended_by_associate"]
    assert [fact for fact in facts_of(plan) if fact[0] == "relation_deleted"] == []


def test_a_half_add_after_an_end_that_was_first_guessed_counts_at_once():
    """A read found the end; its event says that it came before the half-add: one look settles it (ASG-10)."""
    before = recorded(relation(LI, friendship(4, 1000, ASSOCIATE)))
    told_of = [told(LI, ADDED, 4), told(LI, DELETED, 5), told(LI, HALF_ADDED, 6)]
    plan = planned(read(2000), before, *told_of)
    assert [one.state.value for one in plan.relations] == ["half"]
    assert planned(read(2000), applied(before, plan), *told_of).relations == ()


def test_a_channel_belongs_to_one_friendship():
    """Added again without a contact way, the old one does not stay."""
    before = recorded(relation(LI, friendship(50, 80), notes=Notes(add_state="店2", add_way=1)))
    plan = planned(read(1000, listed(LI, 500, remark="")), before)
    assert [one.notes.add_state for one in plan.relations] == [None]


def test_a_start_does_not_move_back_because_a_sighting_is_of_somebody_else():
    """Two adds, the end between them lost: what a read settled stays when a pass speaks of another relation (ASG-2)."""
    before = recorded(relation(LI, friendship(96000)))
    plan = planned(read(99000, complete=False), before, told(LI, ADDED, 0), told(LI, ADDED, 96000))
    assert plan.relations == ()


def test_the_channel_of_a_half_add_that_ended_does_not_come_back():
    """Asked through one shop's code and taken back, then added without any: there is no channel (ASG-10)."""
    half = Evidence(LI, HALF_ADDED, at(0), "\u95e8\u5e971")
    plan = planned(read(2000, listed(LI, 1003)), recorded(), half, told(LI, DELETED, 1000), told(LI, ADDED, 1003))
    assert [one.notes.add_state for one in plan.relations] == [None]


def test_a_new_friendship_begins_without_the_notes_of_the_one_before():
    """What a read of it leaves out, an empty company name for one, is not what somebody once wrote of the old one."""
    before = recorded(relation(LI, friendship(50, 80), notes=Notes(remark="old", remark_corp_name="Example")))
    plan = planned(read(1000, listed(LI, 500, remark="")), before)
    assert [one.notes for one in plan.relations] == [Notes(remark="")]
    assert "relation_edited" not in {kind for kind, _, _ in facts_of(plan)}
