"""A corp tag or a group was deleted."""

from collections.abc import Callable

import pytest

from shared.clock import from_unix
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.external_tag_delete import SPEC

KEY = Key("tag_catalogue", "corp")
Event = Callable[..., Fields]


@pytest.mark.parametrize("sample", ["tag_delete_group"])
def test_it_names_the_catalogue_to_look_at(event: Event, sample: str):
    """WeCom answers with all tags at once, so many events of one second are one read (TAG-2)."""
    fields = event(sample)
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_it_is_evidence_that_somebody_deleted_it(event: Event):
    """Reads only lack it, and the tags of a deleted group have no event of their own (TAG-2)."""
    fields = event("tag_delete_group")
    details = {"id": "etQx3LCQAAg8Yb6UtJ3ErMx1ZdKs5VwN", "type": "tag_group"}
    assert SPEC.evidence(fields) == (Said(KEY, "deleted", details=details),)
    assert fields.occurred_at == from_unix(1790000320)


def test_without_its_type_the_id_says_enough(event: Event):
    """No tag has the id of a group (TAG-2)."""
    (said,) = SPEC.evidence(event("tag_delete_group", without=("TagType",)))
    assert said.details == {"id": "etQx3LCQAAg8Yb6UtJ3ErMx1ZdKs5VwN"}


def test_without_its_id_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^Id$"):
        SPEC.evidence(event("tag_delete_group", without=("Id",)))
