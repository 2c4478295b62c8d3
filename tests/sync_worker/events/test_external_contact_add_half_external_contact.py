"""A customer added an associate who has not confirmed yet."""

from collections.abc import Callable

import pytest

from services.customers.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_add_half_external_contact import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_add_half_external_contact")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_the_half_add_with_its_contact_way(event: Event):
    """Reads do not show it until it is confirmed."""
    fields = event("ec_add_half_external_contact")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.HALF_ADDED, "LiNa", {"state": "booth_a7"}),)
    assert fields.occurred_at == from_unix(1790000120)


def test_without_a_contact_way_there_is_none(event: Event):
    """Most friends are made without one."""
    (evidence,) = SPEC.evidence(event("ec_add_half_external_contact", without=("State",)))
    assert evidence.details == {}


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_add_half_external_contact", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
