"""Pages, what must be in an answer, and the limits of requests."""

from itertools import islice
from pathlib import Path

import orjson
import pytest

from shared.errors import RetryableError
from shared.wecom.apis import Api, Repeat
from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError, WeComRetryableError
from shared.wecom.families import limits
from shared.wecom.families.answers import cursor_of, every_row, listed, needed, needed_number, needed_text
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.tags import Tag
from tests.shared.wecom.samples import FOLDER, answered

READ, WRITE = Api("some/read"), Api("some/write", Repeat.ONCE)


@pytest.mark.parametrize("answer", [{}, {"next_cursor": ""}, {"next_cursor": None}, {"next_cursor": []}])
def test_absent_empty_and_null_cursors_all_mean_no_more(answer: dict[str, object]):
    """The endpoints differ in this; a client must not."""
    assert cursor_of(answer) == ""


def test_all_pages_are_walked_lazily():
    """A page is asked for when its rows are; an empty page is not the end."""
    pages = {"": Page((1, 2), "a"), "a": Page((), "b"), "b": Page((3,), "")}
    asked: list[str] = []

    def fetch(cursor: str) -> Page[int]:
        asked.append(cursor)
        return pages[cursor]

    walk = every_row(fetch)
    assert asked == []
    assert list(islice(walk, 2)) == [1, 2]
    assert asked == [""]
    assert list(walk) == [3]
    assert asked == ["", "a", "b"]


@pytest.mark.parametrize("period", [1, 2, 3, 7])
@pytest.mark.parametrize("lead", [0, 1, 5])
def test_cursors_that_go_round_end_the_walk(period: int, lead: int):
    """However long the circle is, and whenever it begins; no list of all cursors is kept."""
    steps = 0

    def fetch(cursor: str) -> Page[int]:
        nonlocal steps
        steps += 1
        at = int(cursor or 0)
        return Page((at,), str(at + 1 if at < lead + period else lead + 1))

    with pytest.raises(RetryableError, match="second time"):
        list(every_row(fetch))
    assert steps <= 4 * (lead + period) + 4


def test_what_a_call_is_about_must_be_in_its_answer():
    """A success without it is no usable answer; after a write, WeCom may have done it."""
    assert needed(READ, Tag, {"id": "et1"}).tag_id == "et1"
    assert (needed_text(READ, {"url": "x"}, "url"), needed_number(READ, {"tagid": 0}, "tagid")) == ("x", 0)
    for call in (
        lambda api: needed(api, Tag, {"name": "VIP"}),
        lambda api: needed(api, Tag, None),
        lambda api: needed_text(api, {"url": ""}, "url"),
        lambda api: needed_number(api, {}, "tagid"),
    ):
        for api in (READ, WRITE):
            with pytest.raises(UnreachableError) as caught:
                call(api)
            assert caught.value.maybe_accepted == (api is WRITE)


@pytest.mark.parametrize("answer", [{}, {"tag": None}, {"tag": "x"}, {"tag": []}, {"tag": [{}]}])
def test_a_list_without_rows_is_empty(answer: dict[str, object]):
    """WeCom may leave an empty list out."""
    assert listed(Tag, answer, "tag") == ()


def test_texts_are_cut_between_characters():
    """A byte limit may fall inside a character; half of one is worth nothing."""
    assert limits.cut_chars("客户abc", 3) == "客户a"
    assert [limits.cut_bytes("客户a", size) for size in range(8)] == ["", "", "", "客", "客", "客", "客户", "客户a"]
    assert limits.cut_bytes("👋", 3) == ""


def test_limits_are_met_exactly_and_told_without_the_text():
    """What and where, for the log; never what a customer was to read."""
    limits.chars(READ, 2, remark="客户", note=None)
    limits.utf8(READ, 6, remark="客户", note=None)
    limits.count(READ, 2, least=1, ids=["a", "b"])
    limits.between(READ, 0, 1, order=1, other=None)
    limits.span(READ, start_time=0, end_time=30 * limits.DAY_S, days=30)
    limits.some(READ, a=(), b="x")
    limits.each(READ, a="x")
    for call, said in (
        (lambda: limits.chars(READ, 1, remark="秘密"), "some/read: remark has 2 characters, 1 are allowed"),
        (lambda: limits.utf8(READ, 5, remark="秘密"), "some/read: remark has 6 bytes, 5 are allowed"),
        (lambda: limits.count(READ, 2, least=1, ids=[]), "some/read: ids has 0 items, 1 to 2 are allowed"),
        (lambda: limits.between(READ, 0, 1, order=2), "some/read: order is 2, 0 to 1 are allowed"),
        (lambda: limits.span(READ, start_time=1, end_time=0, days=30), "not within 30 days"),
        (lambda: limits.some(READ, a=(), b=""), "some/read: one of a, b is needed"),
        (lambda: limits.each(READ, a="x", b=""), "some/read: b is needed"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


@pytest.mark.parametrize(
    ("sample", "kind"), [("_error.45009", WeComRetryableError), ("_error.48002", WeComRetryableError)]
)
def test_errors_of_any_api_are_told_by_their_code(client: WeComClient, sample: str, kind: type[Exception]):
    """The limit is waited for; a missing permission waits for a person."""
    answer = orjson.loads((FOLDER / f"{sample}.json").read_bytes())
    with answered("externalcontact/get_follow_user_list", answer), pytest.raises(kind) as caught:
        client.contacts.follow_users()
    assert str(answer["errcode"]) in str(caught.value)


def test_every_sample_is_read_by_a_test():
    """A fixture that nobody reads proves nothing."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    names = [path.stem for path in FOLDER.glob("*.json")]
    assert len(names) > 60
    assert [name for name in names if f'"{name}"' not in tests and f'"{name.split(".", 1)[1]}"' not in tests] == []
