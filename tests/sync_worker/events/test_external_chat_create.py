"""A customer group was made."""

from collections.abc import Callable

import pytest

from services.groups.model import EvidenceKind
from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_chat_create import SPEC

KEY = Key("group_chat", "wrQx3LCQAAp2Vn8MfJ6KdRt4GbXs1YhQ")
Event = Callable[..., Fields]


def test_it_names_the_chat_to_look_at(event: Event):
    """The event is a hint: which chat is new (GRP-1)."""
    fields = event("chat_create")
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_the_chat_is_there(event: Event):
    """Reads do not show a new chat for some seconds (GRP-1)."""
    fields = event("chat_create")
    assert SPEC.evidence(fields) == (Said(KEY, EvidenceKind.CREATED),)
    assert fields.occurred_at == from_unix(1790000201)


def test_without_the_chat_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^ChatId$"):
        SPEC.targets(event("chat_create", without=("ChatId",)))
