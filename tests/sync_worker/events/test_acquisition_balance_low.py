"""Few uses of acquisition links are left."""

from collections.abc import Callable

from shared.clock import from_unix
from sync_worker.events import Fields, Key, Said
from sync_worker.events.acquisition_balance_low import SPEC

KEY = Key("acquisition_quota", "corp")
Event = Callable[..., Fields]


def test_it_is_evidence_about_the_quota(event: Event):
    """Only the event tells when it happened."""
    fields = event("ca_balance_low")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == (Said(KEY, "balance_low"),)
    assert fields.occurred_at == from_unix(1790000401)
