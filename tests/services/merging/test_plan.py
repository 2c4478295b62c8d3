"""Which side wins in each field, and what an undo gives back (CUS-9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.merging.model import MergeRefusedError
from services.merging.plan import changed, own_of, paths_of, plan_fields, plan_undo

NAMES = ("real_name", "level", "note")
VALUES = st.sampled_from(["a", "b", ""])
OWNS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, VALUES)
    | dict.fromkeys(("attributes", "fields"), st.dictionaries(st.sampled_from("xy"), VALUES, max_size=2)),
)


def test_the_master_wins_and_empty_fields_are_filled():
    """Also key by key in attributes and custom fields (CUS-9)."""
    master = {"level": "gold", "note": "", "attributes": {"size": "M"}}
    other = {"level": "silver", "note": "tea", "attributes": {"size": "L", "shoe": 42}, "fields": {"pet": "cat"}}
    result = own_of({one.path: one.result for one in plan_fields(master, other)})
    assert result == {
        "level": "gold",
        "note": "tea",
        "attributes": {"size": "M", "shoe": 42},
        "fields": {"pet": "cat"},
    }


def test_a_person_says_in_which_fields_the_other_wins():
    """Only where the other has something: nothing is emptied by a merge (CUS-9)."""
    taken = plan_fields({"level": "gold", "note": "x"}, {"level": "silver"}, take=["level"])
    assert {one.path: one.result for one in taken} == {"level": "silver", "note": "x"}
    with pytest.raises(MergeRefusedError, match="note"):
        plan_fields({"note": "x"}, {"level": "silver"}, take=["note"])


@given(OWNS, OWNS)
def test_an_undo_gives_back_what_was(master: dict[str, object], other: dict[str, object]):
    """Merge, then undo: the master's fields are as before (CUS-9)."""
    choices = plan_fields(master, other)
    before, after = changed(choices)
    own, kept = plan_undo(own_of({one.path: one.result for one in choices}), before=before, after=after)
    assert (own, kept) == (own_of(paths_of(master)), ())


def test_a_field_that_was_changed_since_stays():
    """And is named (CUS-9)."""
    own, kept = plan_undo(
        {"level": "platinum"}, before={"level": "gold", "note": None}, after={"level": "x", "note": "y"}
    )
    assert (own, kept) == ({"level": "platinum"}, ("level", "note"))
