"""Facts of one commit that undo one another: people hear how it ended, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.assignment.model import CustomerReassigned
from services.customers.model import RelationLost, RelationStarted
from services.notices.last_word import last_word
from services.notices.plan import react
from services.planning import Fact
from services.stages.model import CustomerStageChanged
from shared.ids import CustomerId, ExternalUserId, UserId

NOW = datetime(2027, 3, 1, tzinfo=UTC)
LI, ZHAO, WANG = UserId("LiNa"), UserId("ZhaoMin"), UserId("WangFang")
CONTACT = ExternalUserId("wm1")
MOVED = CustomerReassigned(
    occurred_at=NOW, customer_id=CustomerId(1), external_userid=CONTACT, from_userid=LI, to_userid=ZHAO, why="operator"
)


def told(*facts: Fact, untold: frozenset[str] = frozenset()) -> list[tuple[int, str, str]]:
    called_for = [
        (place, notice)
        for place, fact in enumerate(facts)
        for notice in react(fact, cause="operator", added_at=NOW - timedelta(days=1))
    ]
    found = last_word(facts, called_for, untold=untold)
    return [(place, notice.name, notice.recipient) for place, notice in found]


def step(to: int) -> CustomerStageChanged:
    return CustomerStageChanged(
        occurred_at=NOW, customer_id=CustomerId(1), line_id=1, from_stage_id=to - 1, to_stage_id=to, why="rule"
    )


def test_of_several_stages_in_one_commit_the_last_is_told():
    """Who passed through one is not there (STG-3)."""
    assert [place for place, *_ in told(step(1), step(2), replace(step(9), customer_id=CustomerId(2)))] == [1, 2]


def test_who_had_a_customer_for_a_moment_hears_nothing():
    """The first gave them away, the last has them; in between nothing came of it (ASG-5)."""
    on = replace(MOVED, from_userid=ZHAO, to_userid=WANG)
    assert told(MOVED, on) == [(0, "reassigned_away", LI), (1, "reassigned_to_you", WANG)]
    back = replace(MOVED, from_userid=ZHAO, to_userid=LI)
    assert told(MOVED, back) == []


def test_who_was_told_before_hears_of_the_end():
    """What came and went in between does not hide what they were told long ago (ASG-5)."""
    away, back, on = (
        replace(MOVED, from_userid=one, to_userid=other) for one, other in ((LI, ZHAO), (ZHAO, LI), (LI, WANG))
    )
    assert told(away, back, on) == [(2, "reassigned_to_you", WANG), (2, "reassigned_away", LI)]
    untold = frozenset({f"assigned:{LI}:{CONTACT}"})
    assert told(away, untold=untold) == [(0, "reassigned_to_you", ZHAO)]


def test_what_happened_later_counts_not_what_was_found_later():
    """Facts of one look come in any order (G2)."""
    lost = RelationLost(occurred_at=NOW, userid=LI, external_userid=CONTACT, evidenced=True)
    before = RelationStarted(occurred_at=NOW - timedelta(hours=1), userid=LI, external_userid=CONTACT, evidenced=True)
    assert [name for _, name, _ in told(lost, before)] == ["relation_lost", "new_customer"]
    assert [name for _, name, _ in told(lost, replace(before, occurred_at=NOW + timedelta(hours=1)))] == [
        "new_customer"
    ]


def test_in_one_second_a_start_comes_before_an_end():
    """Who came and went within a second is lost, whichever of the two is looked at first (LOSS-2)."""
    lost = RelationLost(occurred_at=NOW, userid=LI, external_userid=CONTACT, evidenced=True)
    came = RelationStarted(occurred_at=NOW, userid=LI, external_userid=CONTACT, evidenced=True)
    assert sorted(name for _, name, _ in told(lost, came)) == ["new_customer", "relation_lost"]
    assert sorted(name for _, name, _ in told(came, lost)) == ["new_customer", "relation_lost"]
