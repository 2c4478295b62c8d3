"""A part of the quota is about to lapse."""

from collections.abc import Callable

from shared.clock import from_unix
from sync_worker.events import Fields, Key, Said
from sync_worker.events.acquisition_quota_expire_soon import SPEC

KEY = Key("acquisition_quota", "corp")
Event = Callable[..., Fields]


def test_it_is_evidence_about_the_quota(event: Event):
    """Only the event tells when it happened."""
    fields = event("ca_quota_expire_soon")
    assert (SPEC.event, SPEC.change) == (fields.body.event, fields.body.change)
    assert SPEC.targets(fields) == (KEY,)
    assert SPEC.evidence(fields) == (
        Said(KEY, "quota_expire_soon", details={"expires_at": "1790600000", "count": "120"}),
    )
    assert fields.occurred_at == from_unix(1790000406)


def test_without_its_numbers_it_still_is_a_warning(event: Event):
    """What expires can be looked up in WeCom."""
    fields = event("ca_quota_expire_soon", without=("ExpireTime", "ExpireQuotaNum"))
    assert SPEC.evidence(fields) == (Said(KEY, "quota_expire_soon"),)
