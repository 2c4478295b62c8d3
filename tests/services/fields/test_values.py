"""Values of custom fields: what is taken, what is refused, and what people write into files."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fields.model import Field, Kind, Option, ValueRefusedError
from services.fields.values import check_value, parse_value, shown

SIZES = (Option("S", "小"), Option("M", "中"), Option("X", "旧", withdrawn=True))
PLACES = (
    Option("zj", "浙江", options=(Option("hz", "杭州", options=(Option("xh", "西湖"),)), Option("nb", "宁波"))),
    Option("js", "江苏", options=(Option("nj", "南京", withdrawn=True),)),
)


def field(kind: Kind) -> Field:
    options = {Kind.CASCADE: PLACES, Kind.SINGLE_CHOICE: SIZES, Kind.MULTIPLE_CHOICE: SIZES}
    return Field("f", "F", kind, options.get(kind, ()))


TAKEN: list[tuple[Kind, object, object]] = [
    (Kind.SINGLE_LINE, "  张三　丰 ", "张三　丰"),
    (Kind.SINGLE_LINE, "👨‍👩‍👧", "👨‍👩‍👧"),
    (Kind.MULTI_LINE, "a\r\n\tb\n", "a\n\tb"),
    (Kind.SINGLE_CHOICE, "M", "M"),
    (Kind.MULTIPLE_CHOICE, ["M", "S"], ["S", "M"]),
    (Kind.DATE, "2024-02-29", "2024-02-29"),
    (Kind.CASCADE, ["zj", "hz", "xh"], ["zj", "hz", "xh"]),
    (Kind.CASCADE, ["js"], ["js"]),
    (Kind.NUMBER, 3.0, 3),
    (Kind.NUMBER, -0.5, -0.5),
    *((kind, empty, None) for kind in Kind for empty in (None, "", [])),
]
REFUSED: list[tuple[Kind, object]] = [
    (Kind.SINGLE_LINE, "a\nb"),
    (Kind.SINGLE_LINE, "x" * 201),
    (Kind.SINGLE_LINE, 5),
    (Kind.SINGLE_LINE, "a\u2028b"),
    (Kind.MULTI_LINE, "a\x07"),
    (Kind.MULTI_LINE, "\ud800"),
    (Kind.SINGLE_CHOICE, "中"),
    (Kind.SINGLE_CHOICE, "X"),
    (Kind.SINGLE_CHOICE, ["M"]),
    (Kind.MULTIPLE_CHOICE, "M"),
    (Kind.MULTIPLE_CHOICE, ["M", "M"]),
    (Kind.MULTIPLE_CHOICE, ["M", 1]),
    (Kind.MULTIPLE_CHOICE, {"M": 1}),
    (Kind.DATE, "2023-02-29"),
    (Kind.DATE, "20230228"),
    (Kind.DATE, "2026-W01-1"),
    (Kind.DATE, "1776-07-04"),
    (Kind.DATE, 45000),
    (Kind.CASCADE, ["zj"]),
    (Kind.CASCADE, ["hz", "xh"]),
    (Kind.CASCADE, ["js", "nj"]),
    (Kind.CASCADE, ["zj", "hz", "xh", "xh"]),
    (Kind.NUMBER, True),
    (Kind.NUMBER, "3"),
    (Kind.NUMBER, float("nan")),
    (Kind.NUMBER, float("inf")),
    (Kind.NUMBER, 10**16),
]


@pytest.mark.parametrize(("kind", "value", "kept"), TAKEN)
def test_a_value_of_the_kind_is_taken(kind: Kind, value: object, kept: object):
    """Each kind keeps one way of writing each value (CUS-5)."""
    assert check_value(field(kind), value) == kept


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_what_is_no_value_is_refused_without_being_quoted(kind: Kind, value: object):
    """An error says what is wrong, never what was sent (CUS-5, G10)."""
    with pytest.raises(ValueRefusedError) as refused:
        check_value(field(kind), value)
    assert not isinstance(value, str) or len(value) < 2 or value not in str(refused.value)


def test_a_withdrawn_option_stays_with_whoever_has_it():
    """Sending back what is there changes nothing; nobody else can choose it (CUS-5)."""
    assert check_value(field(Kind.SINGLE_CHOICE), "X", present="X") == "X"
    assert check_value(field(Kind.MULTIPLE_CHOICE), ["X", "S"], present=["X"]) == ["S", "X"]
    assert check_value(field(Kind.CASCADE), ["js", "nj"], present=["js", "nj"]) == ["js", "nj"]
    with pytest.raises(ValueRefusedError):
        check_value(field(Kind.MULTIPLE_CHOICE), ["X"], present=["S"])
    assert shown(field(Kind.MULTIPLE_CHOICE), ["S", "X"]) == "小、旧"


WRITTEN: list[tuple[Kind, str, object]] = [
    (Kind.DATE, "2026/3/9", "2026-03-09"),
    (Kind.DATE, "2026年3月9日", "2026-03-09"),
    (Kind.DATE, "2026-03-09 00:00:00", "2026-03-09"),
    (Kind.NUMBER, "1,234.50", 1234.5),
    (Kind.NUMBER, "１２", 12),
    (Kind.NUMBER, "-.5", -0.5),
    (Kind.SINGLE_CHOICE, " 中 ", "M"),
    (Kind.SINGLE_CHOICE, "M", "M"),
    (Kind.MULTIPLE_CHOICE, "中、小，中", ["S", "M"]),
    (Kind.CASCADE, "浙江 / 杭州 / 西湖", ["zj", "hz", "xh"]),
    (Kind.SINGLE_LINE, " ", None),
]


@pytest.mark.parametrize(("kind", "text", "kept"), WRITTEN)
def test_cells_are_read_as_people_write_them(kind: Kind, text: str, kept: object):
    """Names of options, dates and numbers in their usual shapes (CUS-5, CUS-6)."""
    assert parse_value(field(kind), text) == kept


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.DATE, "3/9/2026"), (Kind.DATE, "2026-13-01"), (Kind.NUMBER, "1,23"), (Kind.NUMBER, "+"),
        (Kind.NUMBER, "9" * 5000), (Kind.NUMBER, "٣"), (Kind.SINGLE_CHOICE, "旧"), (Kind.CASCADE, "浙江"),
    ],
)  # fmt: skip
def test_cells_that_could_mean_anything_are_refused(kind: Kind, text: str):
    """Nothing is guessed (CUS-6)."""
    with pytest.raises(ValueRefusedError):
        parse_value(field(kind), text)


VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.SINGLE_LINE: st.text(max_size=30),
    Kind.MULTI_LINE: st.text(max_size=30),
    Kind.SINGLE_CHOICE: st.sampled_from(["S", "M"]),
    Kind.MULTIPLE_CHOICE: st.lists(st.sampled_from(["S", "M"]), unique=True),
    Kind.DATE: st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(str),
    Kind.CASCADE: st.sampled_from([["zj", "hz", "xh"], ["zj", "nb"], ["js"]]),
    Kind.NUMBER: st.integers(-(10**9), 10**9) | st.integers(-(10**6), 10**6).map(lambda n: n / 64),
}


@pytest.mark.parametrize("kind", Kind)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_kept_is_kept_again_and_survives_a_file(kind: Kind, data: st.DataObject):
    """Checking settles, and what a file shows of a value is read as that value (CUS-5)."""
    try:
        kept = check_value(field(kind), data.draw(VALUES[kind]))
    except ValueRefusedError:
        return
    assert check_value(field(kind), kept) == kept
    assert parse_value(field(kind), shown(field(kind), kept)) == kept


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(list(Kind)),
    value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5),
    text=st.text(),
)
def test_rubbish_is_refused_never_an_error_of_ours(kind: Kind, value: object, text: str):
    """Whatever is sent is taken or refused (G8)."""
    for attempt in (lambda: check_value(field(kind), value), lambda: parse_value(field(kind), text)):
        with contextlib.suppress(ValueRefusedError):
            attempt()
