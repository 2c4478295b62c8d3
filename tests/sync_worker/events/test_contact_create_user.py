"""A member joined."""

from collections.abc import Callable

import pytest

from services.associates.model import EvidenceKind
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.contact_create_user import SPEC

Event = Callable[..., Fields]


@pytest.mark.parametrize("sample", ["contact_create_user", "contact_create_user_minimal"])
def test_it_names_the_member_to_look_at(event: Event, sample: str):
    """The event is a hint, with or without its fields: which member changed."""
    fields = event(sample)
    assert SPEC.targets(fields) == (Key("associate", "LiNa"),)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence(event: Event):
    """Reads may be behind, and the app may not see them (ASG-11)."""
    assert SPEC.evidence(event("contact_create_user")) == (Said(Key("associate", "LiNa"), EvidenceKind.CREATED),)


def test_without_its_id_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("contact_create_user", without=("UserID",))
    with pytest.raises(MissingFieldError, match=r"^UserID$"):
        SPEC.targets(fields)
