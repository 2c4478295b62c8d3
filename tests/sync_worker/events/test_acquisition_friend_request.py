"""Somebody asked to be a friend through a link."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.acquisition_friend_request import SPEC

LINK = Key("acquisition_link", "cawq7d0e19b45c82af")
Event = Callable[..., Fields]


def test_it_is_evidence_about_the_link(event: Event):
    """No read tells of it."""
    fields = event("ca_friend_request")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (LINK,)
    assert SPEC.evidence(fields) == (Said(LINK, "friend_request", details={"state": "ad_0931"}),)


def test_without_a_state_it_counts_all_the_same(event: Event):
    """Links are used without a channel, too."""
    assert SPEC.evidence(event("ca_friend_request", without=("State",))) == (Said(LINK, "friend_request"),)


def test_without_its_link_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^LinkId$"):
        SPEC.targets(event("ca_friend_request", without=("LinkId",)))
