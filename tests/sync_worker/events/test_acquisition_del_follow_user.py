"""A customer of an acquisition link removed an associate."""

from collections.abc import Callable

import pytest

from services.customers.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.acquisition_del_follow_user import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ca_del_follow_user")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_the_same_evidence_as_in_the_other_family(event: Event):
    """Whoever tells it, the customer ended the friendship (LOSS-1)."""
    fields = event("ca_del_follow_user")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.ENDED_BY_CUSTOMER, "LiNa"),)
    assert fields.occurred_at == from_unix(1790000411)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ca_del_follow_user", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
