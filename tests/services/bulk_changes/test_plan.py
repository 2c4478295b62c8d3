"""What a bulk change takes to be asked for, and own fields changed and put back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bulk_changes.kinds.registry import KINDS
from services.bulk_changes.model import MOST_DELETED, BulkRefusedError, ConfirmationError
from services.bulk_changes.plan import VERBS, check_asked, confirmations, edited, restored

LONG = "asked for by the customers themselves"
values = st.sampled_from([None, "gold", "silver", 3])
documents = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from(["gold", "silver"]),
        "company": st.just("晨光"),
        "fields": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", 3]), min_size=1),
    },
)
wishes = st.fixed_dictionaries(
    {}, optional={"level": values, "fields": st.dictionaries(st.sampled_from(["a", "b"]), values)}
)


def test_every_kind_has_a_word_to_confirm_it():
    """In both languages, with the number (CUS-8)."""
    assert VERBS.keys() == {*KINDS, "undo"}
    assert confirmations("deletion", 1234) == ("DELETE 1,234", "删除 1,234")


@pytest.mark.parametrize("typed", ["DELETE 12", "删除 12", "  DELETE   12 "])
def test_the_number_that_is_typed_is_the_number_that_goes(typed: str):
    """A deletion is confirmed by its exact count (CUS-8)."""
    check_asked("deletion", 12, reason=LONG, confirmation=typed)


@pytest.mark.parametrize("typed", ["DELETE 11", "DELETE", "delete 12", "EDIT 12", ""])
def test_any_other_word_or_number_is_refused_with_the_right_one(typed: str):
    """Somebody came to fit the filter meanwhile, or it is another change (CUS-8)."""
    with pytest.raises(ConfirmationError) as refused:
        check_asked("deletion", 12, reason=LONG, confirmation=typed)
    assert refused.value.count == 12 and "DELETE 12" in str(refused.value)


@pytest.mark.parametrize("reason", ["", "   ", "too short", "   too short   "])
def test_a_deletion_needs_a_reason_of_ten_characters(reason: str):
    """Blanks do not count (CUS-8)."""
    with pytest.raises(BulkRefusedError):
        check_asked("deletion", 12, reason=reason, confirmation="DELETE 12")


def test_no_more_than_100000_are_deleted_at_once():
    """Nor is nobody (CUS-8)."""
    check_asked("deletion", MOST_DELETED, reason=LONG, confirmation="DELETE 100,000")
    check_asked("fields", MOST_DELETED + 1, reason="x", confirmation="EDIT 100,001")
    with pytest.raises(BulkRefusedError):
        check_asked("deletion", MOST_DELETED + 1, reason=LONG, confirmation="DELETE 100,001")
    with pytest.raises(BulkRefusedError):
        check_asked("fields", 0, reason="x", confirmation="EDIT 0")


@settings(max_examples=100, deadline=None)
@given(present=documents, wanted=wishes)
def test_an_edit_settles_and_an_undo_gives_back_what_was_there(present: dict[str, Any], wanted: dict[str, Any]):
    """Edit, edit again: nothing; undo: everything, byte for byte (CUS-8)."""
    after, before = edited(present, wanted)
    assert edited(after, wanted) == (after, {})
    assert bool(before) == (after != present)
    assert restored(after, wanted, before) == (present, True)


def test_what_somebody_changed_since_stays_and_is_told():
    """Field by field, custom field by custom field (CUS-8)."""
    wanted = {"level": "gold", "company": "晨光", "fields": {"a": "x", "b": 3}}
    after, before = edited({"level": "silver", "fields": {"a": "y"}}, wanted)
    later = after | {"level": "platinum", "fields": {"a": "x", "b": 4, "c": "new"}}
    put_back, whole = restored(later, wanted, before)
    assert put_back == {"level": "platinum", "fields": {"a": "y", "b": 4, "c": "new"}}
    assert not whole
