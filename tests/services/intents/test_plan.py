"""What becomes of open intents: confirmed, superseded, refused, pushed or waited for (G4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customers.model import Notes, Observed, ObservedRelation
from services.intents.model import Intent, IntentState, Value, Wish, WishRefusedError
from services.intents.plan import READ_LAG, check_wish, plan_intents
from shared.ids import ExternalUserId, UserId

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LINA = UserId("LiNa")


def intent(
    desired: Value,
    *bases: Value,
    field: str = "remark",
    pushes: int = 0,
    accepted_at: datetime | None = None,
    created_at: datetime = NOW,
) -> Intent:
    return Intent(1, LINA, field, desired, frozenset(bases), created_at, pushes, accepted_at)


def read(
    remark: str | None = None,
    *,
    tags: tuple[str, ...] | None = None,
    phones: tuple[str, ...] | None = None,
    at: datetime = NOW,
) -> Observed:
    relation = ObservedRelation(LINA, NOW, Notes(remark=remark, corp_tag_ids=tags, remark_mobiles=phones))
    return Observed(ExternalUserId("wm1"), None, (relation,), at, complete=True)


def outcome(one: Intent, observed: Observed) -> str:
    plan = plan_intents([one], observed)
    if plan.settled:
        return plan.settled[0].state
    return "push" if plan.pushes else "wait"


@pytest.mark.parametrize(
    ("one", "observed", "expected"),
    [
        (intent("老友", "客户"), read("老友"), IntentState.CONFIRMED),
        (intent("老友", "客户"), read("客户"), "push"),
        (intent("老友", "客户"), read("李总"), IntentState.SUPERSEDED),
        (intent("老友"), read("李总"), "push"),
        (intent("老友", "客户", pushes=1), read("客户"), "push"),
        (intent("老友", "客户", pushes=1, accepted_at=NOW), read("客户"), "wait"),
        (intent("老友", "客户", pushes=1, accepted_at=NOW), read("客户", at=NOW + READ_LAG), IntentState.SUPERSEDED),
        (intent("老友", "客户", pushes=1, accepted_at=NOW), read("李总"), IntentState.SUPERSEDED),
        (intent(True, False, field="tag:et1"), read(tags=("et2",)), "push"),
        (intent(True, False, field="tag:et1"), read(tags=("et1",)), IntentState.CONFIRMED),
        (intent(False, True, field="tag:et1"), read(tags=()), IntentState.CONFIRMED),
        (intent(True, False, field="tag:et1"), read(tags=None), "wait"),
        (intent(("1", "2"), (), field="remark_mobiles"), read(phones=("2", "1")), IntentState.CONFIRMED),
        (intent(("1", "2"), (), field="remark_mobiles"), read(phones=()), "push"),
        (intent(("1", "2"), (), field="remark_mobiles"), read(phones=("3",)), IntentState.SUPERSEDED),
        (intent("", "鲸鱼", field="remark_corp_name"), read("客户"), IntentState.CONFIRMED),
    ],
)
def test_what_wecom_shows_decides(one: Intent, observed: Observed, expected: str):
    """The last person to act wins: an edit that the author cannot have seen stands (TAG-2, G4)."""
    assert outcome(one, observed) == expected


@pytest.mark.parametrize("pushes", [0, 1])
def test_what_a_cancelled_job_wanted_is_not_pushed_any_more(pushes: int):
    """Also where the answer to a push was lost: what a read shows decides (TAG-3)."""
    one = replace(intent("老友", "客户", pushes=pushes), withdrawn=True)
    assert outcome(one, read("客户")) == IntentState.SUPERSEDED
    assert outcome(one, read("老友")) == IntentState.CONFIRMED


def test_a_relation_that_reads_do_not_show_is_waited_for_and_then_refused():
    """A new friend may not show yet; who is no friend can have neither tag nor remark."""
    nobody = Observed(ExternalUserId("wm1"), None, (), NOW, complete=True)
    later = Observed(ExternalUserId("wm1"), None, (), NOW + READ_LAG, complete=True)
    assert outcome(intent("老友"), nobody) == "wait"
    assert outcome(intent("老友"), later) == IntentState.REFUSED


def test_one_push_carries_all_that_is_wanted_of_a_relation():
    """Tags that come and go, and texts."""
    wanted = [
        intent(True, False, field="tag:et1"),
        intent(False, True, field="tag:et2"),
        intent("老友", "客户"),
    ]
    (push,) = plan_intents(wanted, read("客户", tags=("et2",))).pushes
    assert (push.mark, push.unmark, push.notes) == (("et1",), ("et2",), {"remark": "老友"})


values = st.sampled_from(["a", "b", "c"])


@given(
    desired=values,
    bases=st.frozensets(values),
    shows=values,
    pushes=st.integers(0, 2),
    accepted=st.booleans(),
    later=st.integers(0, 120),
)
def test_what_is_not_pushed_ends_and_what_was_accepted_is_never_pushed_again(
    desired: str, bases: frozenset[Value], shows: str, pushes: int, accepted: bool, later: int
):
    """So two sides cannot take turns: at most one push per intent, and one more per lost answer."""
    accepted_at = NOW if accepted and pushes else None
    one = Intent(1, LINA, "remark", desired, bases, NOW, pushes, accepted_at)
    found = outcome(one, read(shows, at=NOW + timedelta(seconds=later)))
    if accepted_at is not None:
        assert found != "push"
    if found == "push":
        assert shows != desired
        assert not bases or shows in bases
    if found == "wait":
        assert outcome(one, read(shows, at=NOW + READ_LAG)) != "wait"


@pytest.mark.parametrize(
    ("wish", "state", "why"),
    [
        (Wish(LINA, "remark", "老" * 21), "active", "21 characters; WeCom takes 20"),
        (Wish(LINA, "description", "老" * 151), "active", "151 characters; WeCom takes 150"),
        (Wish(LINA, "remark_corp_name", "鲸" * 21), "active", "21 characters; WeCom takes 20"),
        (Wish(LINA, "remark_corp_name", "鲸鱼"), "active", "uses WeCom"),
        (Wish(LINA, "remark_mobiles", ("13900000001", " ")), "active", "number 2 is empty"),
        (Wish(LINA, "remark_mobiles", ("1" * 33,)), "active", "more than 32"),
        (Wish(LINA, "remark", "老友"), None, "no friend"),
        (Wish(LINA, "remark", "老友"), "ended_by_customer", "not friends any more"),
        (Wish(LINA, "tag:et9", True), "active", "no corp tag et9"),
    ],
)
def test_what_wecom_could_only_refuse_is_refused_at_once(wish: Wish, state: str | None, why: str):
    """With a text that says why; lengths are in characters."""
    with pytest.raises(WishRefusedError, match=why):
        check_wish(wish, state, tag_known=False, contact_type=2)


def test_what_wecom_takes_is_not_refused():
    """The longest texts, and clearing one."""
    for wish in (Wish(LINA, "remark", "老" * 20), Wish(LINA, "description", ""), Wish(LINA, "tag:et1", False)):
        check_wish(wish, "active", tag_known=True)
