"""Cells become values, or reasons (CUS-6); headers are understood."""

import pytest

from services.files.mapping import propose
from services.files.model import FileRefusedError, Row, check_mapping
from services.files.rows import CustomField, Known, RowReader, read_day
from services.files.words import ROW, file_words, row_words
from services.persons.model import Identity, IdentityError, make_identity
from shared.spreadsheets.model import FORMULA, Line


def read(name: str, text: str, **known: object) -> object:
    """The only value of a row, or the code of its problem."""
    fields = {"size": CustomField("size", "尺码", False, int)}
    reader = RowReader(
        [(0, name), (1, "crm")], columns=2, known=Known("CN", fields=fields, **known),
        key_of=lambda one: (one.kind, one.value.encode()),
    )  # fmt: skip
    found = reader.read(Line(2, [text, "C-1"]))
    if not isinstance(found, Row):
        return found.problems[0].code
    if name in ("phone", "email"):
        return found.identities[0].value
    return {"tags": found.tag_ids, "userid": found.userid, "source": found.source, **found.own}.get(name, found.own)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("phone", "138-0013-8000", "+8613800138000"),
        ("phone", "+8613800138000", "+8613800138000"),
        ("phone", "13800138000.0", "+8613800138000"),
        ("phone", "1.38E+10", "shortened"),
        ("phone", "王小明", "identity"),
        ("email", "A@B.com", "a@b.com"),
        ("email", "no mail", "identity"),
        ("gender", "女", "female"),
        ("gender", "其他", "gender"),
        ("birthday", "1990年1月31日", "1990-01-31"),
        ("birthday", "32874", "1990-01-01"),
        ("birthday", "1990-02-30", "day"),
        ("real_name", "王" * 65, "long"),
        ("real_name", FORMULA, "formula"),
        ("company", "a\0b", "characters"),
        ("field:size", "38", {"fields": {"size": 38}}),
        ("field:size", "big", "value"),
        ("tags", "VIP，老客", frozenset({1, 2})),
        ("tags", "nobody's", "tag"),
        ("tags", "twice", "tag_several"),
        ("userid", "李娜", "LiNa"),
        ("userid", "nobody", "associate"),
    ],
)
def test_a_cell_becomes_a_value_or_a_reason(name, text, expected):
    """As people and spreadsheets write it, and never guessed (CUS-6)."""
    tags, people = {"VIP": 1, "老客": 2, "twice": None}, {"李娜": "LiNa"}
    assert read(name, text, tags=tags, associates=people) == expected


@pytest.mark.parametrize("text", ["13800138000", "19912345678", "15000000000"])
def test_the_short_way_for_mobile_numbers_is_the_library_s(text):
    """Or an import and the API would take one person for two (CUS-14)."""
    assert read("phone", text) == make_identity("phone", text, region="CN").value


def test_every_code_has_its_words_in_both_languages():
    """Who fixes the file reads what to do (CUS-6)."""
    for code in ROW:
        assert all(row_words([[code, "phone"]]))
    assert all(file_words({"code": "encoding", "line": 3}))


@pytest.mark.parametrize(
    ("text", "day"),
    [("1990/1/31", "1990-01-31"), ("19900131", "1990-01-31"), ("1990.1.31", "1990-01-31"),
     ("1990-01-31 00:00:00", "1990-01-31"),
     ("0", None), ("1800-01-01", None), ("soon", None)],
)  # fmt: skip
def test_days_as_people_write_them(text, day):
    """Also as serial numbers of spreadsheets (CUS-6)."""
    found = read_day(text)
    assert (found and found.isoformat()) == day


def test_headers_are_understood_in_both_languages():
    """With blanks, stars and remarks around them; the corp's own fields by their names (CUS-6)."""
    columns = ["客户姓名*", "手机号码（必填）", "手机2", "E-mail", "Member No.", "鞋码", "whatever", "shop:tmall"]
    assert propose(columns, {"shoe": "鞋码"}) == {
        "客户姓名*": "real_name",
        "手机号码（必填）": "phone",
        "手机2": "phone",
        "E-mail": "email",
        "Member No.": "crm",
        "鞋码": "field:shoe",
        "shop:tmall": "shop:tmall",
    }


@pytest.mark.parametrize(
    "mapping",
    [{"x": "phone"}, {"a": "nonsense"}, {"a": "crm", "b": "crm"}, {"a": "real_name"}, {"a": "field:none", "b": "crm"}],
)
def test_mappings_that_cannot_be_are_refused(mapping):
    """A column that is not there, an unknown field, one named twice, nobody to be found by (CUS-6)."""
    with pytest.raises(FileRefusedError):
        check_mapping(mapping, ["a", "b"], ["size"])


def test_an_identity_that_nobody_knows_the_kind_of_is_none():
    """The kinds are those of the API (CUS-14)."""
    with pytest.raises(IdentityError):
        make_identity("fax", "1", region="CN")
    assert Identity("crm", "C-1") == make_identity("crm", " C-1 ", region="CN")
