"""Which fact a piece of evidence about acquisition links is. Pure."""

from services.acquisition.model import (
    USES,
    AcquisitionLinkDeleted,
    AcquisitionLinkUnavailable,
    AcquisitionLinkUsed,
    AcquisitionQuotaChanged,
    Evidence,
    LinkNews,
    QuotaNews,
)
from services.planning import Fact


def plan_fact(evidence: Evidence) -> Fact | None:
    """None: another version of this system knows what it is about."""
    at = evidence.occurred_at
    if evidence.kind in frozenset(QuotaNews):
        return AcquisitionQuotaChanged(occurred_at=at, news=evidence.kind, count=evidence.count)
    if evidence.kind == LinkNews.UNAVAILABLE:
        return AcquisitionLinkUnavailable(occurred_at=at, link_id=evidence.key)
    if evidence.kind == LinkNews.DELETED:
        return AcquisitionLinkDeleted(occurred_at=at, link_id=evidence.key)
    if evidence.kind not in USES:
        return None
    return AcquisitionLinkUsed(
        occurred_at=at,
        link_id=evidence.key,
        step=evidence.kind,
        add_state=evidence.add_state,
        userid=evidence.userid,
        external_userid=evidence.external_userid,
    )
