"""A department was renamed or moved."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key, MissingFieldError
from sync_worker.events.contact_update_party import SPEC

Event = Callable[..., Fields]


def test_it_names_the_department_to_look_at(event: Event):
    """The event is a hint: which department changed."""
    fields = event("contact_update_party")
    assert SPEC.targets(fields) == (Key("outlet", "15"),)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_tells_nothing_that_a_read_does_not(event: Event):
    """Name and parent are read (ASG-11)."""
    assert SPEC.evidence(event("contact_update_party")) == ()


def test_without_its_id_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^Id$"):
        SPEC.targets(event("contact_update_party", without=("Id",)))


@pytest.mark.parametrize("id_", ["abc", "0", "-4", "1e3", "99999999999", "４"])
def test_what_is_no_id_names_no_department(event: Event, id_: str):
    """Nobody asks WeCom for a department that cannot be."""
    with pytest.raises(MissingFieldError, match=r"^Id$"):
        SPEC.targets(event("contact_update_party", changed={"Id": id_}))
