"""An associate edited remark, phones or tags of a customer (change_external_contact / edit_external_contact).

It names no field and no value: a read tells all of it.
Source: WeCom server API, customer events (page 92130).
"""

from services.customers.model import CONTACT
from sync_worker.events import EventSpec, Fields, Key


def targets(fields: Fields) -> tuple[Key, ...]:
    return (Key(CONTACT, fields["ExternalUserID"]),)


SPEC = EventSpec("change_external_contact", "edit_external_contact", targets)
