"""An associate's relation with a customer ended on our side (change_external_contact / del_external_contact).

Source DELETE_BY_TRANSFER says that the platform took it from a handing-over associate: neither lost nor deleted.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said

BY_TRANSFER = "DELETE_BY_TRANSFER"


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    transferred = fields.get("Source") == BY_TRANSFER
    kind = EvidenceKind.TRANSFERRED if transferred else EvidenceKind.ENDED_BY_ASSOCIATE
    (key,) = targets(fields)
    return (Said(key, kind, fields["UserID"]),)


SPEC = EventSpec("change_external_contact", "del_external_contact", targets, evidence)
