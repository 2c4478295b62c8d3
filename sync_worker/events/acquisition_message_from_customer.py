"""A customer of an acquisition link sent another message (customer_acquisition / message_from_customer).

It comes with the third, fifth and tenth. ChatKey tells for half an hour who it was; as a secret it stays in the inbox.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_LINK, LinkNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_LINK, fields["LinkId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, LinkNews.WENT_ON),)


SPEC = EventSpec("customer_acquisition", "message_from_customer", targets, evidence)
