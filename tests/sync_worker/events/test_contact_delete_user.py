"""A member left the corp."""

from collections.abc import Callable

import pytest

from services.associates.model import EvidenceKind
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.contact_delete_user import SPEC

Event = Callable[..., Fields]


@pytest.mark.parametrize("sample", ["contact_delete_user"])
def test_it_names_the_member_to_look_at(event: Event, sample: str):
    """The event is a hint, with or without its fields: which member changed."""
    fields = event(sample)
    assert SPEC.targets(fields) == (Key("associate", "LiNa"),)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence(event: Event):
    """No read of the app tells leaving from being out of sight (TRF-2)."""
    assert SPEC.evidence(event("contact_delete_user")) == (Said(Key("associate", "LiNa"), EvidenceKind.DELETED),)


def test_without_its_id_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("contact_delete_user", without=("UserID",))
    with pytest.raises(MissingFieldError, match=r"^UserID$"):
        SPEC.targets(fields)
