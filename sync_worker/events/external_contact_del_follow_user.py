"""A customer removed an associate (change_external_contact / del_follow_user).

Every read goes on showing the relation unmarked: who ended it, and when, is only said here.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.ENDED_BY_CUSTOMER, fields["UserID"]),)


SPEC = EventSpec("change_external_contact", "del_follow_user", targets, evidence)
