"""A customer agreed that conversations are archived (change_external_contact / msg_audit_approved).

Source: WeCom server API, conversation archive (page 92005).
"""

from services.customers.model import ARCHIVING_AGREED, CONTACT
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, ARCHIVING_AGREED, fields["UserID"]),)


SPEC = EventSpec("change_external_contact", "msg_audit_approved", targets, evidence)
