"""Names of folders, orders and days, without a database."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chats.model import Day, NameTakenError, OrderStaleError
from services.chats.plan import check_order, fill_days, folder_key

FIRST = date(2026, 11, 1)


@pytest.mark.parametrize(
    "name", ["Ungrouped", "UNGROUPED", "ｕｎｇｒｏｕｐｅｄ", "未分组", "未分组\u3000", "Ungrouped "]
)
def test_the_name_of_the_default_folder_is_nobody_elses(name: str):
    """In both languages, by width and case too (GRP-3)."""
    with pytest.raises(NameTakenError):
        folder_key(name)


def test_names_that_differ_by_width_or_case_are_one():
    """One folder, one name (GRP-3)."""
    assert folder_key("ＶＩＰ 群") == folder_key("vip  群") != folder_key("vip群")


@pytest.mark.parametrize("asked", [[1, 2], [1, 2, 3, 3], [1, 2, 4], []])
def test_an_order_names_each_folder_once(asked: list[int]):
    """Somebody who saw other folders orders nothing (GRP-3)."""
    check_order([3, 1, 2], [1, 2, 3])
    with pytest.raises(OrderStaleError):
        check_order(asked, [1, 2, 3])


@settings(max_examples=80, derandomize=True)
@given(
    changes=st.dictionaries(st.integers(0, 20), st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8),
    begin=st.integers(100, 110),
    since=st.integers(0, 20),
    length=st.integers(0, 10),
)
def test_each_day_of_a_range_is_there_and_follows_from_the_one_before(changes, begin, since, length):
    """Zeros where nobody came or went; the members at the end of each day (GRP-5)."""
    ends, count = {}, begin
    for number in range(40):
        joined, left = changes.get(number, (0, 0))
        count += joined - left
        ends[number] = Day(FIRST + timedelta(days=number), joined, left, count)
    rows = [ends[number] for number in sorted(changes)]
    earlier = [row for row in rows if row.day < FIRST + timedelta(days=since)][-1:]
    later = [row for row in rows if row.day >= FIRST + timedelta(days=since)]
    found = fill_days(
        [*earlier, *later],
        since=FIRST + timedelta(days=since),
        until=FIRST + timedelta(days=since + length),
        member_count=count,
    )
    assert found == [ends[number] for number in range(since, since + length + 1)]
