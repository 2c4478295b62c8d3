"""Local tags: who sees them, and what a change means."""

from datetime import UTC, datetime

import pytest

from services.local_tags.model import (
    ALL_SEEING,
    CustomerTagged,
    Group,
    Kind,
    LocalTagGiven,
    LocalTagTaken,
    NoTagError,
    Tag,
    Tagging,
    TagRefusedError,
    Viewer,
)
from services.local_tags.plan import facts_of, plan_group_order, plan_tagging, refuse_name, usable
from shared.ids import CustomerId, UserId

AT = datetime(2026, 11, 22, tzinfo=UTC)
LI, WANG = UserId("LiNa"), UserId("WangWei")
TASTE = Group(1, "喜好", 1, None, (Tag(1, 1, Kind.MANUAL, "茶", 1), Tag(2, 1, Kind.MANUAL, "咖啡", 2),
                                   Tag(3, 1, Kind.AUTOMATIC, "常客", 3)))  # fmt: skip
SECRET = Group(2, "内部", 2, (LI,), (Tag(4, 2, Kind.MANUAL, "敏感", 1),))
GROUPS = [TASTE, SECRET]


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [(ALL_SEEING, [1, 2]), (Viewer(LI), [1, 2]), (Viewer(WANG), [1]), (Viewer(UserId("lina")), [1])],
)
def test_a_group_for_chosen_people_is_seen_by_these_alone(viewer: Viewer, seen: list[int]):
    """Whoever is bound to nobody sees everything (TAG-4)."""
    assert [one.id for one in usable(GROUPS, viewer)] == seen


def test_nobody_can_use_a_tag_that_they_do_not_see():
    """It is to them as one that there is not: they cannot even find out that it exists (TAG-4)."""
    seen = usable(GROUPS, Viewer(WANG))
    hidden, unknown = _refusal(seen, add=[4]), _refusal(seen, add=[99])
    assert hidden == unknown == (NoTagError, "there is no such local tag")
    assert _refusal(seen, only={2: []}) == _refusal(seen, only={99: []})
    assert plan_tagging(usable(GROUPS, Viewer(LI)), add=[4]) == Tagging((4,), ())


def _refusal(groups: list[Group], **asked: object) -> tuple[type[Exception], str]:
    with pytest.raises((NoTagError, TagRefusedError)) as refused:
        plan_tagging(groups, **asked)  # type: ignore[arg-type]
    return refused.type, str(refused.value)


def test_automatic_tags_are_given_and_taken_by_rules_only():
    """By hand they are refused, with the reason; replacing a group leaves them alone (TAG-1)."""
    for asked in ({"add": [3]}, {"remove": [3]}, {"only": {1: [3]}}):
        kind, why = _refusal(GROUPS, **asked)
        assert kind is TagRefusedError and "rules give and take it" in why
    assert plan_tagging(GROUPS, add=[3], by_rule=True) == Tagging((3,), ())
    assert plan_tagging(GROUPS, only={1: [2]}) == Tagging((2,), (1,))
    assert plan_tagging(GROUPS, only={1: []}) == Tagging((), (1, 2))


def test_contradictions_are_refused():
    """Added and removed at once, or the only one of another's group (TAG-3)."""
    for asked in ({"add": [1], "remove": [1]}, {"add": [1], "only": {1: [2]}}, {"only": {1: [4]}}):
        assert _refusal(GROUPS, **asked)[0] is TagRefusedError


def test_names_differ_by_more_than_width_and_case():
    """Two tags that look the same would be one to people (TAG-1)."""
    with pytest.raises(TagRefusedError):
        refuse_name("ＶＩＰ", [Tag(1, 1, Kind.MANUAL, "vip", 1)])


def test_groups_named_come_first_and_hidden_ones_keep_a_place():
    """Whoever orders what they see loses nobody else's group (TAG-4)."""
    third = Group(3, "城市", 3)
    groups = [*GROUPS, third]
    placed = plan_group_order(groups, usable(groups, Viewer(WANG)), [3])
    assert [(one.id, one.position) for one in placed] == [(3, 1), (1, 2), (2, 3)]
    with pytest.raises(NoTagError):
        plan_group_order(groups, usable(groups, Viewer(WANG)), [2])


def test_one_customer_is_told_of_alone_many_by_tag():
    """100,000 customers are no 100,000 facts, and still every id is named (TAG-3)."""
    one, two = CustomerId(7), CustomerId(8)
    assert facts_of({1: [one]}, {2: [one]}, at=AT) == [
        CustomerTagged(occurred_at=AT, customer_id=one, added_tag_ids=(1,), removed_tag_ids=(2,))
    ]
    assert facts_of({1: [one, two]}, {2: [two]}, at=AT) == [
        LocalTagTaken(occurred_at=AT, tag_id=2, customer_ids=(two,)),
        LocalTagGiven(occurred_at=AT, tag_id=1, customer_ids=(one, two)),
    ]
    assert facts_of({}, {1: []}, at=AT) == []
