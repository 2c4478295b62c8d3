"""An associate's relation with a customer ended on our side (change_external_contact / del_external_contact).

Source DELETE_BY_TRANSFER says that the platform took it from a handing-over associate: neither lost nor deleted.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import Evidence, EvidenceKind
from shared.ids import ExternalUserId, UserId
from sync_worker.events import EventSpec, Fields

BY_TRANSFER = "DELETE_BY_TRANSFER"


def contacts(fields: Fields) -> tuple[ExternalUserId, ...]:
    return (ExternalUserId(fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Evidence, ...]:
    transferred = fields.get("Source") == BY_TRANSFER
    kind = EvidenceKind.TRANSFERRED if transferred else EvidenceKind.ENDED_BY_ASSOCIATE
    return (Evidence(UserId(fields["UserID"]), kind, fields.occurred_at),)


SPEC = EventSpec("change_external_contact", "del_external_contact", contacts, evidence)
