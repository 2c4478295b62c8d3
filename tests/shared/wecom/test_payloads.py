"""Every value that is made of WeCom's answers: nothing that WeCom may send, or leave out, is an exception."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from time import process_time
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from structlog.testing import capture_logs

from shared.wecom import payloads
from shared.wecom.payloads.chats import Chat
from shared.wecom.payloads.contacts import ContactProfile, FollowRelation
from shared.wecom.payloads.directory import Member
from shared.wecom.payloads.reading import LARGEST, LONGEST_ID, called, reader, row, rows, texts, written
from shared.wecom.payloads.tags import NewTag, Tag, TagGroup

ODD = [None, "", "x", "７", 7, -1, 99, 2**80, 1.5, True, False, [], {}, [None], [[]], [{}], ["x", None, 3], {"a": {}}]
# The keys behind fields that come from the whole object.
BEHIND = {
    "corp_tag_ids": {"tag_id": ["et1"]},
    "personal_tags": {"tags": [{"type": 2, "tag_name": "golf"}, {"type": 1, "tag_id": "et1"}]},
    "leader_in": {"department": [1, 2], "is_leader_in_dept": [0, 1]},
    "invitor": {"invitor": {"userid": "LiNa"}},
    "admins": {"admin_list": [{"userid": "LiNa"}]},
}
SAMPLES = {str: "x", int: 7, float: 1.5, bool: True}


@cache
def hints_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def option(hint: Any) -> Any:
    """The type beside None."""
    found = next(one for one in get_args(hint) if one is not NoneType) if NoneType in get_args(hint) else hint
    return getattr(found, "__supertype__", found)


def read_classes() -> list[type]:
    """The classes that the reader fills: everything may be None but what names the row."""
    modules = [
        importlib.import_module(f"{payloads.__name__}.{one.name}") for one in pkgutil.iter_modules(payloads.__path__)
    ]
    found = {
        kind
        for module in modules
        for kind in vars(module).values()
        if is_dataclass(kind) and isinstance(kind, type) and not kind.__name__.startswith("_")
    }
    return sorted(
        (
            kind
            for kind in found
            if all(
                NoneType in get_args(hints_of(kind)[one.name]) or one.metadata.get("identity") for one in fields(kind)
            )
        ),
        key=lambda kind: kind.__name__,
    )


CLASSES = read_classes()


def keys_of(one: Any) -> tuple[str, ...]:
    return one.metadata.get("keys") or (one.name,)


def complete(kind: type) -> dict[str, Any]:
    """A payload with every field."""
    made: dict[str, Any] = {}
    for one in fields(kind):
        if one.name in BEHIND:
            made |= BEHIND[one.name]
        else:
            made |= {key: example(hints_of(kind)[one.name]) for key in keys_of(one)}
    return made


def example(hint: Any) -> Any:
    hint = option(hint)
    if is_dataclass(hint):
        return complete(hint)
    if get_origin(hint) is tuple:
        return [example(get_args(hint)[0])]
    return {"a": 1} if get_origin(hint) is Mapping else SAMPLES[hint]


def fits(hint: Any, value: Any) -> bool:
    hint = option(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(get_args(hint)[0], item) for item in value)
    return isinstance(value, get_origin(hint) or hint)


def check(kind: type, value: Any) -> None:
    """Either no row at all, or fields of their types."""
    if value is not None:
        hints = hints_of(kind)
        for one in fields(kind):
            found = getattr(value, one.name)
            assert found is None or fits(hints[one.name], found), one.name


def test_the_classes_are_found():
    """The tests below are about all of them."""
    assert len(CLASSES) >= 50
    assert {"Chat", "Tag", "FollowRelation", "SignedIn"} <= {kind.__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_complete_payload_fills_every_field_and_what_is_unknown_is_ignored(kind: type):
    """WeCom adds fields without a word."""
    payload = complete(kind)
    value = row(kind, payload)
    assert value is not None
    assert [one.name for one in fields(kind) if getattr(value, one.name) is None] == []
    check(kind, value)
    assert row(kind, {**payload, "x_new": {"deep": [1]}}) == value


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_field_that_is_missing_is_none_and_a_row_without_its_name_is_none(kind: type):
    """Absent is not emptied."""
    payload = complete(kind)
    full = row(kind, payload)
    for one in fields(kind):
        if one.name in BEHIND or len(keys_of(one)) > 1 or any(keys_of(one)[0] in more for more in BEHIND.values()):
            continue
        value = row(kind, {key: item for key, item in payload.items() if key != keys_of(one)[0]})
        if one.metadata.get("identity"):
            assert value is None
        else:
            assert value is not None
            assert getattr(value, one.name) is None
            others = [other.name for other in fields(kind) if keys_of(other)[0] != keys_of(one)[0]]
            assert [getattr(value, name) for name in others if name not in {"recipient", one.name}] == [
                getattr(full, name) for name in others if name not in {"recipient", one.name}
            ]
    named = {keys_of(one)[0] for one in fields(kind) if one.metadata.get("identity")}
    bare = row(kind, {key: item for key, item in payload.items() if key in named})
    assert bare is not None
    assert {getattr(bare, one.name) for one in fields(kind) if one.name in BEHIND} <= {None}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_value_of_a_wrong_type_is_never_an_exception(kind: type):
    """Wrong types become None; enumeration values that nobody knows come as they are."""
    payload = complete(kind)
    for odd in ODD:
        check(kind, row(kind, odd))
        for key in payload:
            check(kind, row(kind, {**payload, key: odd}))
    hints = hints_of(kind)
    numbers = [one for one in fields(kind) if option(hints[one.name]) is int and one.name not in BEHIND]
    assert [getattr(row(kind, {**payload, keys_of(one)[0]: 99}), one.name) for one in numbers] == [99] * len(numbers)


@pytest.mark.parametrize(
    ("payload", "corp", "personal"),
    [
        ({}, None, None),
        ({"tags": None}, None, None),
        ({"tags": []}, (), ()),
        ({"tag_id": []}, (), None),
        ({"tag_id": ["b", "a", "b"]}, ("a", "b"), None),
        (
            {"tags": [{"tag_id": "b", "type": 1}, {"tag_id": "a", "type": 3}, {"tag_name": "golf", "type": 2}]},
            ("a", "b"),
            ("golf",),
        ),
        ({"tags": ["odd", {"tag_id": "", "type": 1}, {"type": 2}]}, (), ("",)),
    ],
)
def test_tags_come_in_two_shapes(payload: dict[str, Any], corp: tuple[str, ...], personal: tuple[str, ...]):
    """`get` gives objects, personal ones without an id; the batch read gives ids and says nothing of personal tags."""
    relation = row(FollowRelation, {"userid": "LiNa", **payload})
    assert relation is not None
    assert (relation.corp_tag_ids, relation.personal_tags) == (corp, personal)


def test_who_leads_what_comes_from_two_parallel_lists():
    """An unreadable number makes both unknown: a gap would shift the rest."""
    both = {"userid": "LiNa", "department": [2, 3, 4], "is_leader_in_dept": [1, 0, 1]}
    assert reader(Member)(both).leader_in == (2, 4)
    assert reader(Member)({**both, "department": [2, None, 4]}).leader_in is None
    assert reader(Member)({**both, "is_leader_in_dept": None}).leader_in is None


def test_rows_without_a_name_are_skipped_and_counted():
    """Some corps have been given follow_info without userid."""
    with capture_logs() as logs:
        found = rows(Tag, [{"id": "et1"}, {"id": ""}, {"name": "VIP"}, None])
        assert texts(["a", None, "", "b"]) == ("a", "b")
        assert texts([{"config_id": "a"}, {}, "odd"], inside="config_id") == ("a",)
    assert found is not None
    assert [tag.tag_id for tag in found] == ["et1"]
    assert [(one["key"], one["rows"]) for one in logs] == [("Tag", 3), ("", 2), ("config_id", 2)]
    assert rows(Tag, None) is None
    assert rows(Tag, {}) is None


def test_what_no_index_holds_is_no_id():
    """A row is skipped for its own, and other ids of it are not stated: else it would hold up its page for ever."""
    longest, longer = "w" * LONGEST_ID, "w" * (LONGEST_ID + 1)
    assert [tag.tag_id for tag in rows(Tag, [{"id": longest}, {"id": longer}]) or ()] == [longest]
    assert texts([longest, longer]) == (longest,)
    chat = row(Chat, {"chat_id": "wr1", "owner": longer, "member_list": [{"userid": longer}, {"userid": longest}]})
    assert chat is not None
    assert (chat.owner, [one.userid for one in chat.members or ()]) == (None, [longest])


def test_numbers_are_read_from_digits_and_none_is_too_large():
    """Some APIs send times as texts; our columns hold what WeCom can mean."""
    times = [row(Tag, {"id": "et1", "create_time": value}) for value in ("1760000000", 1.0, LARGEST, LARGEST + 1, "x")]
    assert [one.create_time for one in times if one] == [1760000000, 1, LARGEST, None, None]


def test_values_are_written_under_the_vendors_keys_without_what_is_none():
    """The same class describes what is sent."""
    assert written((NewTag("VIP"), NewTag("老", order=2))) == [{"name": "VIP"}, {"name": "老", "order": 2}]
    group = TagGroup("et1", "Level", None, None, None, None, (Tag("et2", "Gold", None, None, None),))
    assert written(group) == {"group_id": "et1", "group_name": "Level", "tag": [{"id": "et2", "name": "Gold"}]}
    assert called("a") == {"keys": ("a",), "identity": False}


def test_a_page_of_a_hundred_pairs_is_read_in_time():
    """Eighty pages in a second: one takes less than 2 ms of the processor (the best of some)."""
    pair = (complete(ContactProfile), complete(FollowRelation))
    profile_of, relation_of, took = reader(ContactProfile), reader(FollowRelation), []
    for _ in range(50):
        started = process_time()
        assert all(profile_of(pair[0]) and relation_of(pair[1]) for _ in range(100))
        took.append(process_time() - started)
    assert min(took) < 0.002
