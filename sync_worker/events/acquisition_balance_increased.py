"""Acquisition links bring customers again: the quota was filled up (customer_acquisition / balance_increased).

Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_QUOTA, CORP, QuotaNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(_fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_QUOTA, CORP),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, QuotaNews.INCREASED),)


SPEC = EventSpec("customer_acquisition", "balance_increased", targets, evidence)
