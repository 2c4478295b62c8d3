"""A customer agreed to the archiving of conversations."""

from collections.abc import Callable

import pytest

from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_msg_audit_approved import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_msg_audit_approved")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_the_agreement_without_the_welcome_code(event: Event):
    """A welcome code lets anybody write to the customer, so it stays in the inbox (G10)."""
    fields = event("ec_msg_audit_approved")
    assert SPEC.evidence(fields) == (Said(KEY, "archiving_agreed", "LiNa"),)
    assert fields.occurred_at == from_unix(1790000160)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_msg_audit_approved", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
