"""What a block of rows comes to (CUS-6, CUS-12)."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from services.files.model import Failure, Problem, Row
from services.files.plan import Known, Rules, plan_block
from services.persons.model import Identity
from services.persons.plan import Candidate
from shared.ids import CustomerId


def row(number: int, *told: str, **own: object) -> Row:
    """Each identity as kind=value."""
    identities = tuple(Identity(*one.split("=")) for one in told)
    return Row(number, identities, tuple((one.kind, one.value.encode()) for one in identities), own)


def known(customer_id: int, *told: str, **own: object) -> Known:
    identities = {(kind, value.encode()): False for kind, value in (one.split("=") for one in told)}
    return Known(Candidate(CustomerId(customer_id), identities), own)


def plan(rows, persons=(), **rules):
    return plan_block(rows, persons, Rules(**rules), new_ids=map(CustomerId, itertools.count(100)))


@pytest.mark.parametrize(
    ("existing", "own", "outcome"),
    [
        ("update", {"level": "gold", "company": "A", "note": "new"}, "updated"),
        ("fill", {"level": "silver", "company": "A", "note": "new"}, "updated"),
        ("skip", {"level": "silver", "company": "A"}, "skipped"),
    ],
)
def test_what_is_known_already_is_overwritten_filled_or_left_alone(existing, own, outcome):
    """As the import asks; an empty cell never empties a field (CUS-6)."""
    person = known(1, "crm=C-1", level="silver", company="A")
    found = plan([row(2, "crm=C-1", level="gold", note="new")], [person], existing=existing)
    assert found.counts[outcome] == 1
    assert [one.own for one in found.persons] == ([own] if outcome == "updated" else [])


def test_custom_fields_are_merged_one_by_one():
    """A column says nothing about the fields of other columns (CUS-5, CUS-6)."""
    person = known(1, "crm=C-1", fields={"size": "M", "shoe": 41})
    found = plan([row(2, "crm=C-1", fields={"size": "L"})], [person])
    assert found.persons[0].own == {"fields": {"size": "L", "shoe": 41}}


def test_a_required_field_is_asked_of_those_who_enter_the_pool():
    """Not of whom is known already (CUS-5)."""
    rows = [row(2, "crm=C-1"), row(3, "crm=C-2"), row(4, "crm=C-3", fields={"size": "M"})]
    found = plan(rows, [known(1, "crm=C-1")], required=frozenset({"size"}))
    assert found.failures == (Failure(3, (Problem("required", "field:size"),)),)
    assert (found.counts["unchanged"], found.counts["made"]) == (1, 1)


def test_only_those_who_are_known_are_changed_when_nobody_is_to_be_made():
    """An import may update without adding (CUS-6)."""
    found = plan([row(2, "crm=C-1"), row(3, "crm=C-2", level="gold")], [known(1, "crm=C-2")], make=False)
    assert (found.counts["skipped"], found.counts["updated"]) == (1, 1)


def test_an_external_userid_that_wecom_never_showed_is_a_problem():
    """Only WeCom issues them (CUS-14)."""
    found = plan([row(2, "external_userid=wm1", "crm=C-1")])
    assert found.failures == (Failure(2, (Problem("unknown_contact", "external_userid"),)),)


IDS = some.sampled_from(["crm=A", "crm=B", "phone=1", "phone=2", "unionid=U", "unionid=V", "shop:x=S"])
ROWS = some.lists(some.lists(IDS, min_size=1, max_size=3, unique=True), max_size=8)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_a_file_brings_nothing_the_second_time(lists):
    """Plan, apply, plan again: nobody is made, nothing is added (CUS-6)."""
    rows = [row(n, *told) for n, told in enumerate(lists, 2)]
    first = plan(rows, pool=False)
    persons = [Known(Candidate(one.customer_id, one.identities), one.own) for one in first.persons]
    again = plan(rows, persons, pool=False)
    failed = {one.number for one in first.failures}
    assert again.counts["made"] == 0
    assert not [one for one in again.persons if one.added] or failed
    assert all(one.made for one in first.persons)
    crms = [token for one in first.persons for kind, token in one.identities if kind == "crm"]
    assert len(crms) == len(set(crms))
