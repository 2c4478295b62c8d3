"""A customer added an associate who has not confirmed yet (change_external_contact / add_half_external_contact).

Reads do not show it until it is confirmed, so only this event tells of it.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import Evidence, EvidenceKind
from shared.ids import ExternalUserId, UserId
from sync_worker.events import EventSpec, Fields


def contacts(fields: Fields) -> tuple[ExternalUserId, ...]:
    return (ExternalUserId(fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Evidence, ...]:
    return (Evidence(UserId(fields["UserID"]), EvidenceKind.HALF_ADDED, fields.occurred_at, fields.get("State")),)


SPEC = EventSpec("change_external_contact", "add_half_external_contact", contacts, evidence)
