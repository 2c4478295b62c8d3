"""An associate edited remark, phones or tags of a customer (change_external_contact / edit_external_contact).

It names no field and no value: a read tells all of it.
Source: WeCom server API, customer events (page 92130).
"""

from shared.ids import ExternalUserId
from sync_worker.events import EventSpec, Fields


def contacts(fields: Fields) -> tuple[ExternalUserId, ...]:
    return (ExternalUserId(fields["ExternalUserID"]),)


SPEC = EventSpec("change_external_contact", "edit_external_contact", contacts)
