"""A member was changed, or has another userid."""

from collections.abc import Callable

import pytest

from services.associates.model import EvidenceKind
from sync_worker.events import Fields, Key, MissingFieldError, Said
from sync_worker.events.contact_update_user import SPEC

Event = Callable[..., Fields]
OLD, NEW = Key("associate", "LiNa"), Key("associate", "lina.cd")


@pytest.mark.parametrize("sample", ["contact_update_user", "contact_update_user_minimal"])
def test_a_new_userid_names_both_and_is_evidence(event: Event, sample: str):
    """No read tells that somebody new is somebody known (ASG-11)."""
    fields = event(sample)
    assert SPEC.targets(fields) == (OLD, NEW)
    assert SPEC.evidence(fields) == (
        Said(OLD, EvidenceKind.RENAMED, details={"userid": "lina.cd"}),
        Said(NEW, EvidenceKind.RENAMED_FROM, details={"userid": "LiNa"}),
    )
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)


def test_another_change_names_the_member_only(event: Event):
    """Whatever it says of fields is read again (ASG-11)."""
    fields = event("contact_update_user", without=("NewUserID",))
    assert (SPEC.targets(fields), SPEC.evidence(fields)) == ((OLD,), ())


def test_the_same_userid_again_is_no_new_one(event: Event):
    """Nothing to move then."""
    fields = event("contact_update_user", changed={"NewUserID": "LiNa"})
    assert (SPEC.targets(fields), SPEC.evidence(fields)) == ((OLD,), ())


def test_without_its_id_it_says_nothing(event: Event):
    """The missing field is named, so that the inbox can tell why."""
    with pytest.raises(MissingFieldError, match=r"^UserID$"):
        SPEC.targets(event("contact_update_user", without=("UserID",)))
