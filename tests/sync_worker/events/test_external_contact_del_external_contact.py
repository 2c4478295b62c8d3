"""A relation ended on our side."""

from collections.abc import Callable

import pytest

from services.customers.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_contact_del_external_contact import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
Event = Callable[..., Fields]


def test_it_names_the_customer_to_look_at(event: Event):
    """The event is a hint: which customer changed."""
    fields = event("ec_del_external_contact")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_the_associate_ended_it(event: Event):
    """Who ended it is only said here."""
    fields = event("ec_del_external_contact")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.ENDED_BY_ASSOCIATE, "LiNa"),)
    assert fields.occurred_at == from_unix(1790000130)


def test_a_transfer_is_told_apart(event: Event):
    """Source DELETE_BY_TRANSFER: WeCom took it from the handing-over associate, who deleted nobody (LOSS-1)."""
    fields = event("ec_del_external_contact_transfer")
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.TRANSFERRED, "LiNa"),)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ec_del_external_contact", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
