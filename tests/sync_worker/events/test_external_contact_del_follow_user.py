"""A customer removed an associate."""

from collections.abc import Callable

import pytest

from services.customers.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_del_follow_user import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_del_follow_user")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_the_customer_ended_it(event: Event):
    """Every read goes on showing the relation unmarked (LOSS-1)."""
    fields = event("ec_del_follow_user")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.ENDED_BY_CUSTOMER, "LiNa"),)
    assert fields.occurred_at == from_unix(1790000140)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_del_follow_user", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
