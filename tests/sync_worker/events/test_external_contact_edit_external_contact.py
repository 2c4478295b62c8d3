"""An associate edited remark, phones or tags."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError
from sync_worker.events.external_contact_edit_external_contact import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_edit_external_contact")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_nothing(event: Event):
    """It names no field and no value: a read tells all of it."""
    assert SPEC.evidence(event("ec_edit_external_contact")) == ()


def test_without_the_customer_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^ExternalUserID$"):
        SPEC.targets(event("ec_edit_external_contact", without=("ExternalUserID",)))


def test_without_the_associate_the_customer_is_still_looked_at(event: Event):
    """A look needs the customer only."""
    assert SPEC.targets(event("ec_edit_external_contact", without=("UserID",))) == (KEY,)
