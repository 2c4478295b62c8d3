"""An associate and a customer became friends (change_external_contact / add_external_contact).

That it was added, and through which contact way, is kept as evidence: the customer may be gone before we read.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import Evidence, EvidenceKind
from shared.ids import ExternalUserId, UserId
from sync_worker.events import EventSpec, Fields


def contacts(fields: Fields) -> tuple[ExternalUserId, ...]:
    return (ExternalUserId(fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Evidence, ...]:
    return (Evidence(UserId(fields["UserID"]), EvidenceKind.ADDED, fields.occurred_at, fields.get("State")),)


SPEC = EventSpec("change_external_contact", "add_external_contact", contacts, evidence)
