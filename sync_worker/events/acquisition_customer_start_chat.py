"""A customer of an acquisition link sent their first message (customer_acquisition / customer_start_chat).

It is about the customer as well as the link, and no read of either tells.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.acquisition.model import ACQUISITION_LINK, STARTED_CHAT, LinkNews
from services.customers.model import CONTACT
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key, ...]:
    contact = Key(CONTACT, fields["ExternalUserID"])
    return (contact, Key(ACQUISITION_LINK, fields["LinkId"])) if fields.get("LinkId") else (contact,)


def evidence(fields: Fields) -> tuple[Said, ...]:
    contact, *links = targets(fields)
    userid, state = fields["UserID"], fields.details(state="State")
    of_link = {"external_userid": contact.key, **state}
    return (
        Said(contact, STARTED_CHAT, userid, {**fields.details(link_id="LinkId"), **state}),
        *(Said(link, LinkNews.STARTED_CHAT, userid, of_link) for link in links),
    )


SPEC = EventSpec("customer_acquisition", "customer_start_chat", targets, evidence)
