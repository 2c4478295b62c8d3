"""An acquisition link stopped working."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.acquisition_link_unavailable import SPEC

LINK = Key("acquisition_link", "cawq7d0e19b45c82af")
Event = Callable[..., Fields]


def test_it_is_evidence_about_the_link(event: Event):
    """No read tells of it."""
    fields = event("ca_link_unavailable")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (LINK,)
    assert SPEC.evidence(fields) == (Said(LINK, "link_unavailable"),)


def test_without_its_link_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^LinkId$"):
        SPEC.targets(event("ca_link_unavailable", without=("LinkId",)))
