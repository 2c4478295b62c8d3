"""A customer added an associate who has not confirmed yet (change_external_contact / add_half_external_contact).

Reads do not show it until it is confirmed, so only this event tells of it.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.HALF_ADDED, fields["UserID"], fields.details(state="State")),)


SPEC = EventSpec("change_external_contact", "add_half_external_contact", targets, evidence)
