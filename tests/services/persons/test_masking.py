"""What is shown of personal data to whoever may not read it (ACC-3)."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.persons.masking import (
    mask_birthday,
    mask_document,
    mask_email,
    mask_identity,
    mask_name,
    mask_phone,
    mask_words,
)


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("138 1234 5678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("+14155550123", "+141****0123"),
        ("02161234567", "021****4567"),
        ("61234567", "61****67"),
        ("6123456", "6****56"),
        ("612345", "****"),
        ("110", "****"),
        ("", "****"),
        ("no number", "****"),
        ("１３８１２３４５６７８", "１３８****５６７８"),
    ],
)
def test_phones(phone: str, shown: str):
    """Four digits and the separators go; a short number is hidden whole (ACC-3)."""
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("li.ming@example.com", "l***@example.com"),
        ("ab@example.com", "a***@example.com"),
        ("a@example.com", "***@example.com"),
        ("李明@例子.中国", "李***@例子.中国"),
        ('"odd@part"@example.com', '"***@example.com'),
        ("@example.com", "***@example.com"),
        ("no address", "***"),
        ("", "***"),
    ],
)
def test_addresses(address: str, shown: str):
    """One letter of the account, and where it is (ACC-3)."""
    assert mask_email(address) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("李明", "李*"),
        ("欧阳娜娜", "欧*"),
        ("李", "*"),
        ("", ""),
        ("  ", ""),
        (" 王小明 ", "王*"),
        ("Li Ming", "L*"),
        ("é", "*"),
        ("e\u0301va", "e\u0301*"),
        ("👩‍👧小店", "👩‍👧*"),
        ("👍🏽ok", "👍🏽*"),
        ("𠮷野家", "𠮷*"),
    ],
)
def test_names(name: str, shown: str):
    """The first character as people see it; not how many there are (ACC-3)."""
    assert mask_name(name) == shown


def test_birthdays():
    """Without the day (ACC-3)."""
    assert mask_birthday(date(1990, 5, 6)) == "1990-05"
    assert mask_birthday("1990-05-06") == "1990-05"
    assert mask_birthday("0001-01-01") == "0001-01"
    assert mask_birthday("in May") == "****"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("tel 138 0013 8000, li@example.com", "tel 138****8000, l***@example.com"),
        ("电话13800138000。", "电话13800138000。"),
        ("电话：13800138000。", "电话：138****8000。"),
        ("（+86）138-0013-8000", "（+86）138****8000"),
        ("2 shirts, size 42, 1990", "2 shirts, size 42, 1990"),
        ("order 2026-11-22", "order 20****22"),
        ("", ""),
    ],
)
def test_words(words: str, shown: str):
    """Numbers and addresses within texts; what is too much is masked rather than too little (ACC-3)."""
    assert mask_words(words) == shown


def test_documents():
    """Whatever shape it has; short numbers are counts (ACC-3)."""
    stored = {"a": ["13800138000", 3, True, None], "b": {"c": "x@example.com", "d": 13800138000, "e": 1.5}}
    assert mask_document(stored) == {
        "a": ["138****8000", 3, True, None],
        "b": {"c": "***@example.com", "d": "138****8000", "e": 1.5},
    }


def test_identities():
    """By their kind; ids of other systems name nobody (ACC-3)."""
    assert mask_identity("phone", "+8613800138000") == "+86138****8000"
    assert mask_identity("email", "li@example.com") == "l***@example.com"
    assert mask_identity("crm", "13800138000") == "13800138000"


@settings(max_examples=50)
@given(st.text(alphabet="0123456789 +-()李a@.", max_size=30))
def test_no_mask_gives_a_value_back_whole(value: str):
    """Whatever is written there (ACC-3)."""
    digits = [one for one in value if one.isdecimal()]
    assert len([one for one in mask_phone(value) if one.isdecimal()]) <= max(0, len(digits) - 4)
    assert not mask_name(value) or mask_name(value) != value.strip() or set(value.strip()) == {"*"}
    assert "*" in mask_email(value)
