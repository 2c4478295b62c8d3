"""A customer removed an associate (change_external_contact / del_follow_user).

Every read goes on showing the relation unmarked: who ended it, and when, is only said here.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import Evidence, EvidenceKind
from shared.ids import ExternalUserId, UserId
from sync_worker.events import EventSpec, Fields


def contacts(fields: Fields) -> tuple[ExternalUserId, ...]:
    return (ExternalUserId(fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Evidence, ...]:
    return (Evidence(UserId(fields["UserID"]), EvidenceKind.ENDED_BY_CUSTOMER, fields.occurred_at),)


SPEC = EventSpec("change_external_contact", "del_follow_user", contacts, evidence)
