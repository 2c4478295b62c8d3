"""A customer removed an associate."""

from collections.abc import Callable

import pytest

from services.customers.model import Evidence, EvidenceKind
from shared.clock import from_unix
from shared.ids import UserId
from sync_worker.events import Fields, MissingFieldError
from sync_worker.events.external_contact_del_follow_user import SPEC

CUSTOMER = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA"
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_del_follow_user")
    assert SPEC.contacts(fields) == (CUSTOMER,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_the_customer_ended_it(event: Event):
    """Every read goes on showing the relation unmarked (LOSS-1)."""
    expected = Evidence(UserId("LiNa"), EvidenceKind.ENDED_BY_CUSTOMER, from_unix(1790000140))
    assert SPEC.evidence(event("ec_del_follow_user")) == (expected,)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_del_follow_user", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.contacts(fields), SPEC.evidence(fields))
