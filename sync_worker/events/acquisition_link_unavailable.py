"""An acquisition link does not work any more (customer_acquisition / link_unavailable).

Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_LINK, LinkNews
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(ACQUISITION_LINK, fields["LinkId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, LinkNews.UNAVAILABLE),)


SPEC = EventSpec("customer_acquisition", "link_unavailable", targets, evidence)
