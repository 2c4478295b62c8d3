"""A customer was not handed over."""

from collections.abc import Callable

import pytest

from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_transfer_fail import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_transfer_fail")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_of_who_was_to_take_over_and_why_not(event: Event):
    """No read of the contact tells why a handover failed (TRF-1)."""
    fields = event("ec_transfer_fail")
    assert SPEC.evidence(fields) == (Said(KEY, "transfer_failed", "ZhaoMin", {"reason": "customer_refused"}),)
    assert fields.occurred_at == from_unix(1790000150)


def test_without_a_reason_it_failed_all_the_same(event: Event):
    """Reasons are an open list, and may be left out (TRF-1)."""
    assert SPEC.evidence(event("ec_transfer_fail", without=("FailReason",))) == (
        Said(KEY, "transfer_failed", "ZhaoMin"),
    )


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_transfer_fail", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
