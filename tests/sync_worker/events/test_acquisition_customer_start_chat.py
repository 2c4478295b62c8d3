"""A customer of an acquisition link sent their first message."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.acquisition_customer_start_chat import SPEC

KEY = Key("external_contact", "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA")
LINK = Key("acquisition_link", "cawq7d0e19b45c82af")
Event = Callable[..., Fields]


def test_it_is_about_the_customer_and_the_link(event: Event):
    """Either of them is asked what happened; no read tells."""
    fields = event("ca_customer_start_chat")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (KEY, LINK)
    assert SPEC.evidence(fields) == (
        Said(KEY, "acquisition_chat_started", "LiNa", {"link_id": LINK.key}),
        Said(LINK, "customer_start_chat", "LiNa", {"external_userid": KEY.key}),
    )


def test_without_its_link_the_customer_is_looked_at(event: Event):
    """Of what the event names, nothing is lost."""
    fields = event("ca_customer_start_chat", without=("LinkId",))
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == (Said(KEY, "acquisition_chat_started", "LiNa"),)


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_without_its_ids_it_says_nothing(event: Event, tag: str):
    """The missing field is named, so that the inbox can tell why."""
    fields = event("ca_customer_start_chat", without=(tag,))
    with pytest.raises(MissingFieldError, match=f"^{tag}$"):
        (SPEC.targets(fields), SPEC.evidence(fields))
