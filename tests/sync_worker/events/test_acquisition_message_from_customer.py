"""A customer of a link went on talking."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.acquisition_message_from_customer import SPEC

LINK = Key("acquisition_link", "cawq7d0e19b45c82af")
Event = Callable[..., Fields]


def test_it_is_evidence_about_the_link(event: Event):
    """No read tells of it."""
    fields = event("ca_message_from_customer")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (LINK,)
    assert SPEC.evidence(fields) == (Said(LINK, "message_from_customer"),)


def test_the_chat_key_stays_in_the_inbox(event: Event):
    """It is a secret: whoever has it can ask who the customer is (G10)."""
    fields = event("ca_message_from_customer")
    assert fields["ChatKey"] not in str((SPEC.targets(fields), SPEC.evidence(fields)))


def test_without_its_link_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^LinkId$"):
        SPEC.targets(event("ca_message_from_customer", without=("LinkId",)))
