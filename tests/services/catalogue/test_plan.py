"""What becomes of wishes for the catalogue: confirmed, superseded, refused, pushed or waited for (TAG-2, G4)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue.model import Delete, NewTag, Place, Rename
from services.catalogue.plan import ABSENT_S, WishPlan, plan_ended, plan_wishes
from services.catalogue.view import OURS, Item, View
from services.intents.model import Intent, IntentState
from services.intents.plan import READ_LAG
from services.tags.model import Observed
from tests.services.catalogue.wishes import BOTH, GOLD, LEVEL, SILVER, level, read, wish
from tests.services.factories import at
from tests.services.tags.catalogues import group, recorded, tag

CONFIRMED, SUPERSEDED, REFUSED = IntentState.CONFIRMED, IntentState.SUPERSEDED, IntentState.REFUSED
BRONZE = NewTag("铜卡", group_id=LEVEL)
LATE = READ_LAG.total_seconds()


def outcome(one: Intent, observed: Observed) -> str:
    plan = plan_wishes([one], observed)
    if plan.settled:
        return plan.settled[0].state
    return "push" if plan.pushes else "absent" if plan.again_s == ABSENT_S else "wait"


@pytest.mark.parametrize(
    ("one", "observed", "expected"),
    [
        (wish(1, Rename(GOLD, "白金卡"), "金卡"), read(BOTH), "push"),
        (wish(1, Rename(GOLD, "金卡"), "从前"), read(BOTH), CONFIRMED),
        (wish(1, Rename(GOLD, "白金卡"), "从前"), read(BOTH), SUPERSEDED),
        (wish(1, Rename(GOLD, "白金卡")), read(BOTH), "push"),
        (wish(1, Rename(GOLD, "白金卡"), "金卡", pushes=1), read(BOTH), "push"),
        (wish(1, Rename(GOLD, "白金卡"), "金卡", pushes=1, accepted_at=at(0)), read(BOTH), "wait"),
        (wish(1, Rename(GOLD, "白金卡"), "金卡", pushes=1, accepted_at=at(0)), read(BOTH, second=LATE), SUPERSEDED),
        (wish(1, Rename("t9", "白金卡"), "金卡"), read(BOTH), "absent"),
        (wish(1, Rename(GOLD, "白金卡"), "金卡"), read(level((GOLD, None, 0))), "wait"),
        (wish(1, Rename(GOLD, "白金卡"), "金卡"), read(level((GOLD, None, 0)), second=LATE), REFUSED),
        (wish(1, Rename(LEVEL, "会员"), "等级"), read(BOTH), "push"),
        (wish(1, Place(GOLD, 3), 0), read(BOTH), "push"),
        (wish(1, Place(GOLD, 0), 3), read(BOTH), CONFIRMED),
        (wish(1, Place(GOLD, 3), 1), read(BOTH), SUPERSEDED),
        (wish(1, Delete(GOLD), "金卡"), read(BOTH), "push"),
        (wish(1, Delete(GOLD), "从前"), read(BOTH), SUPERSEDED),
        (wish(1, Delete(GOLD), "从前"), read(level((GOLD, None, 0))), "push"),
        (wish(1, Delete("t9"), "金卡"), read(BOTH), "absent"),
        (wish(1, Delete(LEVEL), "等级", group="t1 t2 t3"), read(BOTH), "push"),
        (wish(1, Delete(LEVEL), "等级", group="t1"), read(BOTH), SUPERSEDED),
        (wish(1, Delete(LEVEL), "从前", group="t1 t2"), read(BOTH), SUPERSEDED),
        (wish(1, BRONZE), read(BOTH), "push"),
        (wish(1, NewTag("金卡", group_id=LEVEL)), read(BOTH), CONFIRMED),
        (wish(1, NewTag("金卡", group_name="等级")), read(BOTH), CONFIRMED),
        (wish(1, NewTag("金卡", group_name="城市")), read(BOTH), "push"),
        (wish(1, NewTag("铜卡", group_id="g9")), read(BOTH), "absent"),
        (wish(1, BRONZE, pushes=1), read(BOTH), "push"),
        (wish(1, BRONZE, pushes=1, accepted_at=at(0)), read(BOTH), "wait"),
        (wish(1, BRONZE, pushes=1, accepted_at=at(0)), read(BOTH, second=LATE), SUPERSEDED),
        (wish(1, BRONZE, pushes=1, accepted_at=at(0), made_id=GOLD), read(BOTH), CONFIRMED),
    ],
)
def test_what_wecom_shows_decides(one: Intent, observed: Observed, expected: str):
    """The last person to act wins: an edit that the author cannot have seen stands (TAG-2, G4)."""
    assert outcome(one, observed) == expected


def ids(plan: WishPlan) -> list[list[int]]:
    return [[one.id for one in call] for call in plan.pushes]


def test_calls_carry_what_wecom_takes_together_and_keep_the_order():
    """New tags of a group, and deletions, go together where nothing else comes between (TAG-2)."""
    wanted = [
        wish(1, BRONZE),
        wish(2, NewTag("铁卡", group_id=LEVEL)),
        wish(3, NewTag("北京", group_name="城市")),
        wish(4, Rename(GOLD, "白金卡"), "金卡"),
        wish(5, NewTag("锡卡", group_id=LEVEL)),
        wish(6, Delete(GOLD), "金卡", "白金卡"),
        wish(7, Delete(SILVER), "银卡"),
    ]
    assert ids(plan_wishes(wanted, read(BOTH))) == [[1, 2], [3], [4], [5], [6, 7]]


def test_many_tags_are_made_in_calls_of_a_hundred():
    """Bodies stay small."""
    wanted = [wish(n, NewTag(f"t{n}", group_id=LEVEL)) for n in range(250)]
    assert [len(call) for call in plan_wishes(wanted, read(BOTH)).pushes] == [100, 100, 50]


def test_a_name_is_free_once_an_older_wish_has_left_it_and_not_before():
    """A tag that is to be renamed or deleted is not taken for one that is to be made."""
    new = wish(2, NewTag("金卡", group_id=LEVEL))
    for leaving in (Rename(GOLD, "白金卡"), Delete(GOLD)):
        assert ids(plan_wishes([wish(1, leaving, "金卡"), new], read(BOTH)))[-1][-1] == 2
        assert ids(plan_wishes([new, wish(3, leaving, "金卡")], read(BOTH))) == [[3]]


def test_wishes_about_what_is_recorded_as_deleted_end():
    """A deletion is done, the others were too late; what was decided already is left alone (TAG-2)."""
    gone = recorded(group(LEVEL, deleted=900), tag(GOLD, LEVEL, deleted=900), tag(SILVER, "g2"), group("g2"))
    wanted = [
        wish(1, Delete(GOLD), "金卡"),
        wish(2, Rename(GOLD, "白金卡"), "金卡"),
        wish(3, BRONZE),
        wish(4, Rename(SILVER, "白银卡"), "银卡"),
        wish(5, Place(LEVEL, 3), 0),
    ]
    ended = plan_ended(wanted, gone, settled=[5])
    assert [(one.intent.id, one.state, one.why) for one in ended] == [
        (1, CONFIRMED, ""),
        (2, SUPERSEDED, "it was deleted in WeCom"),
        (3, SUPERSEDED, "the group was deleted in WeCom"),
    ]


names = st.sampled_from(["甲", "乙", "丙"])
asked = st.one_of(
    st.builds(Rename, st.sampled_from([GOLD, SILVER]), names),
    st.builds(Place, st.sampled_from([GOLD, SILVER]), st.integers(0, 2)),
    st.builds(Delete, st.sampled_from([GOLD, SILVER])),
    st.builds(NewTag, names, st.just(LEVEL)),
    st.builds(NewTag, names, st.just(""), st.sampled_from(["等级", "城市"])),
)


def taken(view: View, plan: WishPlan, second: float) -> tuple[list[Intent], View]:
    """WeCom takes all pushes: what it has then, and the intents with their answers."""
    pushed = []
    for intent in (one for call in plan.pushes for one in call):
        view.lay(intent)
        made = f"m{intent.id}" if f"{OURS}n{intent.id}" in view.tags else ""
        view = _named(view, f"{OURS}n{intent.id}", made)
        pushed.append(replace(intent, pushes=intent.pushes + 1, accepted_at=at(second), made_id=made))
    return pushed, view


def _named(view: View, ours: str, made: str) -> View:
    """What was made has ids of WeCom's."""

    def real(one: Item) -> Item:
        return replace(one, id=made if one.id == ours else one.id, group_id=one.group_id.replace(OURS, "w"))

    groups = [replace(one, id=one.id.replace(OURS, "w")) for one in view.groups.values()]
    return View({one.id: one for one in groups}, {real(one).id: real(one) for one in view.tags.values()})


def shown(view: View, second: float) -> Observed:
    return read(
        *(
            level(*((one.id, one.name, one.sort or 0) for one in view.tags_of(g.id)), name=g.name, group_id=g.id)
            for g in view.in_order()
        ),
        second=second,
    )


@given(wanted=st.lists(asked, max_size=6))
def test_every_wish_is_pushed_once_and_ends(wanted: list[Rename | Place | Delete | NewTag]):
    """Whatever is wanted: each is pushed once at most, and within the lag none is open but for what is gone."""
    view, fields = View.of_read(read(BOTH)), set()
    intents = []
    for number, one in enumerate(wanted):
        intent = wish(number, one)
        if intent.field not in fields:
            intents.append(intent)
        fields.add(intent.field)
    for second in (0.0, 2.0, 4.0, 6.0, 6.0 + LATE):
        plan = plan_wishes(intents, shown(view, second))
        ended = {one.intent.id for one in plan.settled}
        pushed, view = taken(view, plan, second)
        assert all(one.pushes == 1 for one in pushed)
        after = {one.id: one for one in pushed}
        intents = [after.get(one.id, one) for one in intents if one.id not in ended]
    for one in intents:
        assert one.field.split(":")[1] not in view.tags
        assert outcome(one, shown(view, 6.0 + LATE + timedelta(minutes=1).total_seconds())) == "absent"
