"""A relation ended on our side."""

from collections.abc import Callable

import pytest

from services.customers.model import Evidence, EvidenceKind
from shared.clock import from_unix
from shared.ids import UserId
from sync_worker.events import Fields, MissingFieldError
from sync_worker.events.external_contact_del_external_contact import SPEC

CUSTOMER = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA"
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_del_external_contact")
    assert SPEC.contacts(fields) == (CUSTOMER,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_the_associate_ended_it(event: Event):
    """Who ended it is only said here."""
    expected = Evidence(UserId("LiNa"), EvidenceKind.ENDED_BY_ASSOCIATE, from_unix(1790000130))
    assert SPEC.evidence(event("ec_del_external_contact")) == (expected,)


def test_a_transfer_is_told_apart(event: Event):
    """Source DELETE_BY_TRANSFER: WeCom took it from the handing-over associate, who deleted nobody (LOSS-1)."""
    fields = event("ec_del_external_contact_transfer")
    assert SPEC.contacts(fields) == (CUSTOMER,)
    assert SPEC.evidence(fields) == (Evidence(UserId("LiNa"), EvidenceKind.TRANSFERRED, from_unix(1790000131)),)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_del_external_contact", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.contacts(fields), SPEC.evidence(fields))
