"""Facts go into rows and come back."""

from dataclasses import dataclass, fields
from datetime import datetime
from types import UnionType
from typing import ClassVar, Union, get_args, get_origin, get_type_hints

import orjson
import pytest

import services.notices.plan  # noqa: F401 - with it, every fact is defined
from services.customers.model import RelationEdited, RelationStarted
from services.planning import FACTS, Fact, read_fact
from tests.services.factories import CONTACT, CUSTOMER, LI, at

SAMPLES = {str: "LiNa", int: 7, bool: True, datetime: at(5)}
SHIPPED = sorted(type_ for type_, cls in FACTS.items() if cls.__module__.startswith("services."))


def sample(type_: str) -> Fact:
    """A fact of a class with something in every field."""
    cls = FACTS[type_]
    hints = get_type_hints(cls)
    return cls(**{f.name: _value(hints[f.name]) for f in fields(cls)})


def _value(hint: object) -> object:
    supertype = getattr(hint, "__supertype__", hint)
    if supertype in SAMPLES:
        return SAMPLES[supertype]
    arguments = get_args(hint)
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        return _value(arguments[0])
    return ("remark", "description") if getattr(hint, "__origin__", None) is tuple else arguments[0]


@pytest.mark.parametrize("type_", SHIPPED)
def test_a_fact_comes_back_from_its_payload(type_):
    """What was told is read again as it was, JSON in between; a tuple comes back as a list (ASG-9)."""
    fact = sample(type_)
    payload = orjson.loads(orjson.dumps(fact.payload()))
    again = read_fact(type_, fact.occurred_at, payload)
    assert type(again) is type(fact)
    assert again.subject == fact.subject
    assert again.occurred_at == fact.occurred_at
    assert again.payload() == {k: list(v) if isinstance(v, tuple) else v for k, v in fact.payload().items()}


@pytest.mark.parametrize("type_", SHIPPED)
def test_a_fact_of_a_newer_version_is_read_without_what_it_added(type_):
    """Payloads change by addition only, and an older reader goes on reading."""
    fact = sample(type_)
    newer = {**orjson.loads(orjson.dumps(fact.payload())), "added_by_a_newer_version": [1]}
    assert read_fact(type_, fact.occurred_at, newer).payload().keys() == fact.payload().keys()


def test_a_fact_written_before_a_field_was_added_is_read_with_its_default():
    """A newer reader goes on reading old rows."""
    payload = {"userid": LI, "external_userid": CONTACT, "evidenced": True}
    assert read_fact("relation_started", at(5), payload) == RelationStarted(
        occurred_at=at(5), userid=LI, external_userid=CONTACT, evidenced=True
    )


@pytest.mark.parametrize("type_", SHIPPED)
def test_a_payload_holds_ids_and_codes_only(type_):
    """No fact has a field for a name, a phone or what somebody wrote, so a person can be forgotten (ACC-3)."""
    allowed = {"userid", "external_userid", "customer_id", "from_userid", "to_userid"}
    allowed |= {"why", "changed", "evidenced", "add_way", "add_state"}
    allowed |= {"tag_id", "group_id", "catalogue", "link_id", "quota", "news", "count", "step"}
    allowed |= {"intent_id", "field", "outcome", "code", "rule_id", "merged_id"}
    allowed |= {"chat_id", "owner_userid", "member_id", "kind", "scene", "invitor", "by"}
    allowed |= {"old_userid", "department_id", "main_department_id", "parent_id", "from_parent_id", "to_parent_id"}
    allowed |= {"made_id", "transfer_id", "departed", "author_userid"}
    allowed |= {"refused_count", "limit_count", "failed_count"}
    allowed |= {"customer_ids", "made_ids", "changed_ids", "parted_id", "entry_id", "note_id", "task_id", "due_at"}
    allowed |= {"account", "amount", "balance", "rule_ids", "line_id", "from_stage_id", "to_stage_id", "segment_id"}
    allowed |= {"added_tag_ids", "removed_tag_ids", "batch_id", "change_id", "import_id", "event_id", "template_id"}
    allowed |= {"company_id", "how", "reason", "source", "contact_stays"}  # codes
    allowed |= {"day", "days", "number", "days_left", "entered_at", "since", "starts_at", "until", "stage_id"}
    allowed |= {"top_userids", "top_counts", "associate_count", "customer_count", "chat_count"}
    allowed |= {"enrolment_id", "step_id"}
    counted = ("done", "joined", "left", "made", "member", "same", "skipped", "unchanged", "updated")
    allowed |= {f"{what}_count" for what in counted}
    places = ("main_department_id", "department_ids", "leader_in", "direct_leaders")
    allowed |= {f"{way}_{place}" for way in ("from", "to") for place in places}
    assert set(sample(type_).payload()) <= allowed


def test_the_time_is_a_column_and_not_in_the_payload():
    """When it happened is stored once."""
    fact = RelationEdited(occurred_at=at(5), userid=LI, external_userid=CONTACT, changed=("remark",))
    assert "occurred_at" not in fact.payload()


def test_a_fact_registers_itself_by_its_type():
    """A new fact needs no list of its own."""

    @dataclass(frozen=True, kw_only=True)
    class Tasted(Fact):
        TYPE: ClassVar[str] = "tasted"

    try:
        assert FACTS["tasted"] is Tasted
    finally:
        del FACTS["tasted"]


def test_an_unknown_type_is_an_error():
    """A row that nobody can read is not skipped in silence."""
    with pytest.raises(KeyError):
        read_fact("never_heard_of", at(5), {"customer_id": CUSTOMER})
