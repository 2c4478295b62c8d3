"""Acquisition links bring no more customers: the quota is used up (customer_acquisition / balance_exhausted).

Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_QUOTA, CORP, QuotaNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(_fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_QUOTA, CORP),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, QuotaNews.EXHAUSTED),)


SPEC = EventSpec("customer_acquisition", "balance_exhausted", targets, evidence)
