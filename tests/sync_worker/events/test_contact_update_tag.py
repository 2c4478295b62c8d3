"""A member tag was given or taken."""

from collections.abc import Callable

from sync_worker.events import Fields, Key
from sync_worker.events.contact_update_tag import SPEC

Event = Callable[..., Fields]


def test_it_names_whom_the_tag_was_given_to_or_taken_from(event: Event):
    """An app's range may be set by tag, so they may be in sight now, or not any more (ASG-11)."""
    fields = event("contact_update_tag")
    members = [Key("associate", one) for one in ("LiNa", "ZhaoMin", "SunLei")]
    assert SPEC.targets(fields) == (*members, Key("outlet", "15"), Key("outlet", "3"), Key("outlet", "4"))
    assert SPEC.evidence(fields) == ()
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_lists_may_be_missing(event: Event):
    """Nobody to look at then."""
    lists = ("AddUserItems", "DelUserItems", "AddPartyItems", "DelPartyItems")
    assert SPEC.targets(event("contact_update_tag", without=lists)) == ()


def test_what_is_no_department_is_left_out(event: Event):
    """The others are looked at (ASG-11)."""
    fields = event("contact_update_tag", changed={"AddPartyItems": "x, 7 ,,-1|8", "DelPartyItems": "7"})
    assert [key for key in SPEC.targets(fields) if key.kind == "outlet"] == [Key("outlet", "7"), Key("outlet", "8")]
