"""A customer of an acquisition link removed an associate (customer_acquisition / del_follow_user).

The same as in change_external_contact, under this family's name; told twice, it is one end.
Source: WeCom server API, acquisition assistant events (page 97299).
"""

from services.customers.model import CONTACT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.ENDED_BY_CUSTOMER, fields["UserID"]),)


SPEC = EventSpec("customer_acquisition", "del_follow_user", targets, evidence)
