"""A part of the quota of acquisition links is about to lapse (customer_acquisition / quota_expire_soon).

It comes 14, 7, 3, 2 and 1 days before. ExpireTime is in Unix seconds.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_QUOTA, CORP, QuotaNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(_fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_QUOTA, CORP),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    details = fields.details(expires_at="ExpireTime", count="ExpireQuotaNum")
    return (Said(key, QuotaNews.EXPIRES_SOON, details=details),)


SPEC = EventSpec("customer_acquisition", "quota_expire_soon", targets, evidence)
