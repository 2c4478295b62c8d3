"""An associate and a customer became friends."""

from collections.abc import Callable

import pytest

from services.customers.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_add_external_contact import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_add_external_contact")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_the_friendship_with_its_contact_way(event: Event):
    """The customer may be gone before we read."""
    fields = event("ec_add_external_contact")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.ADDED, "LiNa", {"state": "booth_a7"}),)
    assert fields.occurred_at == from_unix(1790000101)


def test_without_a_contact_way_there_is_none(event: Event):
    """Most friends are made without one."""
    (evidence,) = SPEC.evidence(event("ec_add_external_contact", without=("State",)))
    assert evidence.details == {}


def test_the_short_form_says_the_same(event: Event):
    """The documents show a body with neither State nor WelcomeCode."""
    fields = event("ec_add_external_contact_minimal")
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.ADDED, "LiNa"),)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_add_external_contact", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
