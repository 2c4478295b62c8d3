"""Somebody opened an associate's profile through an acquisition link (customer_acquisition / open_profile).

Who it is, nobody tells: there is no id until they are a friend.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_LINK, LinkNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_LINK, fields["LinkId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, LinkNews.OPENED_PROFILE, details=fields.details(state="State")),)


SPEC = EventSpec("customer_acquisition", "open_profile", targets, evidence)
