"""Tags or groups changed places; an empty Id means the groups."""

from collections.abc import Callable

import pytest

from sync_worker.events import Fields, Key
from sync_worker.events.external_tag_shuffle import SPEC

KEY = Key("tag_catalogue", "corp")
Event = Callable[..., Fields]


@pytest.mark.parametrize("sample", ["tag_shuffle", "tag_shuffle_all_groups"])
def test_it_names_the_catalogue_to_look_at(event: Event, sample: str):
    """WeCom answers with all tags at once, so many events of one second are one read (TAG-2)."""
    fields = event(sample)
    assert SPEC.targets(fields) == (KEY,)
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_a_read_tells_all_the_rest(event: Event):
    """It names no name and no order, so there is nothing to keep (TAG-2)."""
    assert SPEC.evidence(event("tag_shuffle_all_groups")) == ()


def test_without_its_fields_it_still_is_a_hint(event: Event):
    """Which tag it was does not matter: all of them are read (TAG-2)."""
    assert SPEC.targets(event("tag_shuffle_all_groups", without=("Id", "TagType", "StrategyId"))) == (KEY,)
