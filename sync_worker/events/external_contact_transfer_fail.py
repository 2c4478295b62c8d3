"""A customer was not handed over (change_external_contact / transfer_fail).

UserID is the associate who was to take over. The event names no handover, and no read of the contact tells why.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT, TRANSFER_FAILED
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, TRANSFER_FAILED, fields["UserID"], fields.details(reason="FailReason")),)


SPEC = EventSpec("change_external_contact", "transfer_fail", targets, evidence)
