"""An associate and a customer became friends (change_external_contact / add_external_contact).

That it was added, and through which contact way, is kept as evidence: the customer may be gone before we read.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.ADDED, fields["UserID"], fields.details(state="State")),)


SPEC = EventSpec("change_external_contact", "add_external_contact", targets, evidence)
