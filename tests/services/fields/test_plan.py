"""Definitions of custom fields, and which values of one customer may change so."""

from dataclasses import replace

import pytest

from services.fields.model import (
    Field,
    FieldEdit,
    FieldRefusedError,
    Kind,
    Option,
    Use,
    ValuesRefusedError,
    WantedOption,
)
from services.fields.plan import (
    plan_edit,
    plan_new,
    plan_options,
    plan_order,
    plan_values,
    pool_columns,
    shown_values,
)

SIZE = Field("size", "尺码", Kind.SINGLE_CHOICE, (Option("1", "小"), Option("2", "中")), position=1)
HOBBY = Field("hobby", "爱好", Kind.SINGLE_LINE, personal=True, required_of_pool=True, position=2)
NUMBER = Field("height", "身高", Kind.NUMBER, position=3)
FIELDS = [SIZE, HOBBY, NUMBER]


def test_options_are_added_renamed_and_withdrawn_never_removed():
    """Left out means withdrawn; ids are never used again; the order is the one sent (CUS-5)."""
    planned = plan_options(SIZE, [WantedOption("特大"), WantedOption("中号", "2")])
    assert planned == (Option("3", "特大"), Option("2", "中号"), Option("1", "小", withdrawn=True))
    again = plan_options(replace(SIZE, options=planned), [WantedOption("新"), WantedOption("小", "1")])
    assert [(one.id, one.withdrawn) for one in again] == [("4", False), ("1", False), ("3", True), ("2", True)]


def test_an_option_of_a_cascade_stays_under_its_parent():
    """Values name the way down: an id that moved would make them lie (CUS-5)."""
    places = Field("p", "P", Kind.CASCADE, (Option("a", "A", options=(Option("x", "X"),)), Option("b", "B")))
    moved = [WantedOption("A", "a"), WantedOption("B", "b", options=(WantedOption("X", "x"),))]
    with pytest.raises(FieldRefusedError):
        plan_options(places, moved)
    kept = plan_options(places, [WantedOption("A", "a", options=(WantedOption("Y"),)), WantedOption("B", "b")])
    assert kept[0].options == (Option("1", "Y"), Option("x", "X", withdrawn=True))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Kind.NUMBER, [WantedOption("a")]),
        (Kind.SINGLE_CHOICE, [WantedOption("a"), WantedOption("Ａ")]),
        (Kind.SINGLE_CHOICE, [WantedOption("a", "1"), WantedOption("b", "1")]),
        (Kind.SINGLE_CHOICE, [WantedOption("a", options=(WantedOption("b"),))]),
        (Kind.MULTIPLE_CHOICE, [WantedOption("a，b")]),
        (Kind.CASCADE, [WantedOption("a/b")]),
        (Kind.SINGLE_CHOICE, [WantedOption(str(n)) for n in range(2001)]),
    ],
)
def test_options_that_nobody_could_tell_apart_are_refused(kind: Kind, options: list[WantedOption]):
    """Equal names, equal ids, levels where there are none, separators of files, too many (CUS-5)."""
    with pytest.raises(FieldRefusedError):
        plan_options(Field("f", "F", kind), options)


def test_texts_are_personal_unless_their_maker_says_otherwise():
    """People write names and numbers into texts (CUS-5, ACC-3)."""
    made = {kind: plan_new("k", "K", kind, _edit(kind), others=FIELDS).personal for kind in Kind}
    assert {kind for kind, personal in made.items() if personal} == {Kind.SINGLE_LINE, Kind.MULTI_LINE}
    assert not plan_new("k", "K", Kind.SINGLE_LINE, FieldEdit(personal=False), others=[]).personal


def _edit(kind: Kind) -> FieldEdit:
    with_options = kind in (Kind.SINGLE_CHOICE, Kind.MULTIPLE_CHOICE, Kind.CASCADE)
    return FieldEdit(options=(WantedOption("a"),) if with_options else None)


def test_names_are_unique_and_pool_lists_show_three_fields():
    """Width and case aside; the fourth field is refused until one is taken out (CUS-1, CUS-5)."""
    with pytest.raises(FieldRefusedError):
        plan_new("k", "尺码 ", Kind.NUMBER, FieldEdit(), others=FIELDS)
    shown = [replace(one, in_pool_list=True) for one in FIELDS]
    with pytest.raises(FieldRefusedError):
        plan_new("k", "K", Kind.NUMBER, FieldEdit(in_pool_list=True), others=shown)
    assert plan_edit(shown[0], FieldEdit(name="尺寸"), others=shown).in_pool_list
    assert pool_columns([shown[0], HOBBY, replace(shown[2], enabled=False)]) == [shown[0]]


def test_a_choice_without_anything_to_choose_is_refused():
    """Nobody could fill it (CUS-5)."""
    for options in (None, (), (WantedOption("a", withdrawn=True),)):
        with pytest.raises(FieldRefusedError):
            plan_new("k", "K", Kind.SINGLE_CHOICE, FieldEdit(options=options), others=[])


def test_fields_named_come_first_the_others_follow():
    """A field that came in meanwhile is not lost from the order (CUS-5)."""
    assert [(one.key, one.position) for one in plan_order(FIELDS, ["height"])] == [
        ("height", 1), ("size", 2), ("hobby", 3)]  # fmt: skip
    for keys in (["height", "height"], ["nothing"]):
        with pytest.raises(FieldRefusedError):
            plan_order(FIELDS, keys)


def test_every_wrong_value_is_named():
    """Whoever sends a form hears of all that is wrong with it at once (CUS-5)."""
    off = replace(NUMBER, enabled=False)
    with pytest.raises(ValuesRefusedError) as refused:
        plan_values([SIZE, HOBBY, off], {}, {"size": "9", "height": 1, "x": 1}, use=Use.CUSTOMER)
    assert [key for key, _ in refused.value.problems] == ["size", "height", "x"]


def test_required_is_per_use_and_cannot_be_emptied_or_left_out_by_hand():
    """An edit may not empty it, a record made by hand has it; others may leave it out (CUS-5)."""
    assert plan_values(FIELDS, {"hobby": "tea"}, {"hobby": None}, use=Use.CUSTOMER) == {"hobby": None}
    with pytest.raises(ValuesRefusedError):
        plan_values(FIELDS, {"hobby": "tea"}, {"hobby": " "}, use=Use.POOL)
    assert plan_values(FIELDS, {}, {"height": 1}, use=Use.POOL) == {"height": 1}
    with pytest.raises(ValuesRefusedError):
        plan_values(FIELDS, {}, {"height": 1}, use=Use.POOL, complete=True)
    assert plan_values(FIELDS, {}, {"hobby": "tea"}, use=Use.POOL, complete=True) == {"hobby": "tea"}


def test_values_of_fields_that_are_off_or_gone_are_not_shown():
    """They stay where they lie, and come back with the field (CUS-5)."""
    values = {"size": "1", "hobby": "tea", "gone": 1, "height": None}
    assert shown_values([SIZE, replace(HOBBY, enabled=False), NUMBER], values) == {"size": "1"}
