"""Who hears of which fact."""

from datetime import timedelta

import pytest

from services.assignment.model import CustomerReassigned
from services.customers.model import RelationLost, RelationStarted
from services.notices.model import NEW_CUSTOMER, REASSIGNED_AWAY, REASSIGNED_TO_YOU, RELATION_LOST, Notice
from services.notices.plan import SILENT, react, vanished
from services.pool.model import PoolReturned
from tests.services.factories import CONTACT, CUSTOMER, LI, ZHAO, at
from tests.services.test_planning import sample

CORP_ADDED = at(1000)
BEFORE, AFTER = at(999), at(1000)
RELATION = {"userid": LI, "external_userid": CONTACT}


def started(occurred_at, *, evidenced):
    return RelationStarted(occurred_at=occurred_at, evidenced=evidenced, **RELATION)


def lost(occurred_at):
    return RelationLost(occurred_at=occurred_at, evidenced=True, **RELATION)


def reassigned(occurred_at):
    return CustomerReassigned(
        occurred_at=occurred_at,
        customer_id=CUSTOMER,
        external_userid=CONTACT,
        from_userid=LI,
        to_userid=ZHAO,
        why="auto",
    )


NEW, GONE = Notice(NEW_CUSTOMER, LI), Notice(RELATION_LOST, LI, reason=f"lost:{LI}:{CONTACT}")
BOTH = (
    Notice(
        REASSIGNED_TO_YOU,
        ZHAO,
        reason=f"assigned:{ZHAO}:{CONTACT}",
        undoes=f"unassigned:{ZHAO}:{CONTACT}",
    ),
    Notice(REASSIGNED_AWAY, LI, reason=f"unassigned:{LI}:{CONTACT}", undoes=f"assigned:{LI}:{CONTACT}"),
)


@pytest.mark.parametrize(
    ("fact", "notices"),
    [
        pytest.param(started(AFTER, evidenced=True), (NEW,), id="an add event"),
        pytest.param(started(AFTER, evidenced=False), (NEW,), id="a new relation that a look found"),
        pytest.param(started(BEFORE, evidenced=True), (NEW,), id="evidence makes news, whatever its time"),
        pytest.param(started(BEFORE, evidenced=False), (), id="an old relation that a look found is no news"),
        pytest.param(lost(AFTER), (GONE,), id="the associate hears of the loss"),
        pytest.param(reassigned(AFTER), BOTH, id="both hear of a reassignment"),
        pytest.param(reassigned(BEFORE), (), id="a reassignment from before the corp was added"),
    ],
)
def test_an_event_is_told_to_whom_it_concerns(fact, notices):
    """New customer, loss, reassignment: told to the associates, but not what was before us (ASG-5, LOSS-2)."""
    assert react(fact, cause="event", added_at=CORP_ADDED) == notices


def test_an_event_of_the_second_in_which_the_corp_was_added_is_news():
    """WeCom tells whole seconds, it may have been after us; what a look finds of that second was there (ASG-5)."""
    added_at = CORP_ADDED + timedelta(milliseconds=400)
    assert react(started(CORP_ADDED, evidenced=True), cause="resync", added_at=added_at) == (NEW,)
    assert react(started(CORP_ADDED, evidenced=False), cause="event", added_at=added_at) == ()


@pytest.mark.parametrize("cause", ["operator", "rule", "api"])
def test_a_reassignment_is_told_to_both_whoever_wished_it(cause):
    """Both associates hear of it, also when an operator or a rule wished it (ASG-4, ASG-5)."""
    assert react(reassigned(AFTER), cause=cause, added_at=CORP_ADDED) == BOTH


@pytest.mark.parametrize("cause", ["bootstrap", "resync", "import"])
@pytest.mark.parametrize(
    "fact", [started(AFTER, evidenced=False), started(BEFORE, evidenced=True), reassigned(AFTER)], ids=lambda f: f.TYPE
)
def test_what_a_walk_over_everything_finds_is_told_to_nobody(fact, cause):
    """The first sync of a corp and what a resync or an import finds notify nobody (LOSS-4)."""
    assert react(fact, cause=cause, added_at=CORP_ADDED) == ()


@pytest.mark.parametrize("cause", ["bootstrap", "resync"])
@pytest.mark.parametrize("fact", [started(AFTER, evidenced=True), lost(AFTER)], ids=lambda f: f.TYPE)
def test_an_event_since_the_corp_was_added_is_news_whoever_recorded_it(fact, cause):
    """A walk that comes by while an event waits must not swallow its message (LOSS-2)."""
    assert len(react(fact, cause=cause, added_at=CORP_ADDED)) == 1


def test_a_fact_takes_back_what_it_makes_untrue():
    """Who came back is not lost; who has a customer no longer was not given them (LOSS-2, ASG-5, POOL-7)."""
    back = PoolReturned(occurred_at=AFTER, from_userid=LI, why="operator", rule_id=None, customer_ids=(7, 8))
    assert vanished(started(AFTER, evidenced=True)) == {GONE.reason: AFTER}
    assert vanished(reassigned(AFTER)) == {one.undoes: None for one in BOTH}
    assert vanished(back) == {f"to_add:{LI}:7": None, f"to_add:{LI}:8": None}
    assert not vanished(lost(AFTER))


@pytest.mark.parametrize("cls", sorted(SILENT, key=lambda cls: cls.TYPE), ids=lambda cls: cls.TYPE)
def test_silent_facts_are_told_to_nobody(cls):
    """What stands in SILENT has no notice (LOSS-2)."""
    assert react(sample(cls.TYPE), cause="event", added_at=at(0)) == ()
