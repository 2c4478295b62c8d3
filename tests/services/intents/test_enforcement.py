"""Tags that a rule enforces come back, and only those (TAG-2, TAG-5)."""

from datetime import UTC, datetime, timedelta

import pytest

from services.customers.choice import Choice
from services.customers.model import Friendship, Notes, Relation, State
from services.intents.enforcement import (
    Last,
    RuleRefusedError,
    TagRule,
    check_rule,
    keeping,
    plan_enforcement,
)
from services.intents.model import IntentState
from shared.ids import UserId

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINA = UserId("LiNa")
FIELD = (LINA, "tag:etVIP")


def rule(**choice: object) -> TagRule:
    return TagRule(7, "VIPs", "etVIP", Choice.model_validate(choice), "Zhou", None, NOW - HOUR)


def friend(*tags: str, state: State = State.ACTIVE) -> dict[UserId, Relation]:
    began = Friendship(NOW - 24 * HOUR)
    return {LINA: Relation(LINA, state, (began,), notes=Notes(corp_tag_ids=tags))}


def missing(
    before: dict[UserId, Relation],
    after: dict[UserId, Relation],
    *,
    rules: tuple[TagRule, ...] = (rule(),),
    wanted: frozenset[tuple[UserId, str]] = frozenset(),
    last: Last | None = None,
) -> list[bool]:
    """Of each tag that is to come back, whether it is drift."""
    plan = plan_enforcement(
        rules,
        before,
        after,
        outlets={LINA: 2},
        wanted=wanted,
        last={} if last is None else {FIELD: last},
        at=NOW,
        rest=HOUR / 6,
    )
    return [one.drift for one in plan.missing]


def test_a_tag_that_a_rule_enforces_comes_back_and_is_reported_as_drift() -> None:
    """Whoever took it off; one that was never on is put on without a word (TAG-5)."""
    assert missing(friend("etVIP"), friend()) == [True]
    assert missing(friend(), friend("etOther")) == [False]
    assert missing(friend(), friend("etVIP")) == []


@pytest.mark.parametrize(
    "choice",
    [
        {"userids": ["WangFang"]},
        {"departments": [3]},
        {"any_tags": ["etGold"]},
        {"all_tags": ["etSilver", "etGold"]},
        {"no_tags": ["etSilver"]},
        {"added_since": NOW - HOUR},
        {"added_before": NOW - 48 * HOUR},
    ],
)
def test_only_relations_that_the_rule_means_are_touched(choice: dict[str, object]) -> None:
    """A rule stays in its lane."""
    assert missing(friend(), friend("etSilver"), rules=(rule(**choice),)) == []
    assert keeping([rule(**choice)], friend("etSilver")[LINA], "etVIP", outlets={LINA: 2}) is None


def test_who_is_no_friend_any_more_is_left_alone() -> None:
    """So is a relation of which no read has shown the tags."""
    assert missing(friend(), friend(state=State.ENDED_BY_CUSTOMER)) == []
    unknown = {LINA: Relation(LINA, State.ACTIVE, (Friendship(NOW),))}
    assert missing(friend(), unknown) == []


def test_no_two_sides_take_turns() -> None:
    """What waits is not asked for twice, what WeCom refused stays so, what it did not keep rests for a while."""
    ended = NOW - timedelta(minutes=1)
    assert missing(friend(), friend(), wanted=frozenset({FIELD})) == []
    assert missing(friend(), friend(), last=Last(IntentState.REFUSED, ended, ended)) == []
    assert missing(friend(), friend(), last=Last(IntentState.SUPERSEDED, ended, ended)) == []
    assert missing(friend(), friend(), last=Last(IntentState.SUPERSEDED, ended, NOW - HOUR / 6)) == [False]
    assert missing(friend(), friend(), last=Last(IntentState.CONFIRMED, ended, ended)) == [False]
    former = Last(IntentState.REFUSED, NOW - HOUR / 2, NOW - 25 * HOUR)
    assert missing(friend(), friend(), last=former) == [False]  # of the friendship before this one
    older = Last(IntentState.REFUSED, NOW - 2 * HOUR, NOW - 2 * HOUR)
    assert missing(friend(), friend(), last=older) == [False]  # of another rule, long ago


def test_two_rules_for_one_tag_ask_once() -> None:
    """The older one speaks."""
    assert missing(friend(), friend(), rules=(rule(), rule())) == [False]


@pytest.mark.parametrize(
    ("name", "choice", "known", "why"),
    [
        (" ", {}, True, "needs a name"),
        ("VIPs", {}, False, "no corp tag etVIP"),
        ("VIPs", {"assigned": True}, True, "assigned"),
        ("VIPs", {"no_tags": ["etVIP"]}, True, "without it"),
    ],
)
def test_a_rule_that_could_not_be_kept_is_refused(name: str, choice: dict[str, object], known: bool, why: str) -> None:
    """With a text that says why."""
    with pytest.raises(RuleRefusedError, match=why):
        check_rule(name, "etVIP", Choice.model_validate(choice), tag_known=known)
