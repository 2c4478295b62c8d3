"""Somebody asked to be a friend through an acquisition link (customer_acquisition / friend_request).

Who it is, nobody tells: there is no id until they are a friend.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_LINK, LinkNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_LINK, fields["LinkId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, LinkNews.SENT_REQUEST, details=fields.details(state="State")),)


SPEC = EventSpec("customer_acquisition", "friend_request", targets, evidence)
