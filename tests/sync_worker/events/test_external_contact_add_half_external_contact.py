"""A customer added an associate who has not confirmed yet."""

from collections.abc import Callable

import pytest

from services.customers.model import Evidence, EvidenceKind
from shared.clock import from_unix
from shared.ids import UserId
from sync_worker.events import Fields, MissingFieldError
from sync_worker.events.external_contact_add_half_external_contact import SPEC

CUSTOMER = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA"
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_add_half_external_contact")
    assert SPEC.contacts(fields) == (CUSTOMER,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_the_half_add_with_its_contact_way(event: Event):
    """Reads do not show it until it is confirmed."""
    expected = Evidence(UserId("LiNa"), EvidenceKind.HALF_ADDED, from_unix(1790000120), "booth_a7")
    assert SPEC.evidence(event("ec_add_half_external_contact")) == (expected,)


def test_without_a_contact_way_there_is_none(event: Event):
    """Most friends are made without one."""
    (evidence,) = SPEC.evidence(event("ec_add_half_external_contact", without=("State",)))
    assert evidence.add_state is None


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_add_half_external_contact", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.contacts(fields), SPEC.evidence(fields))
