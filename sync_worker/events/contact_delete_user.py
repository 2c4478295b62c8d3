"""A member left the corp (change_contact / delete_user).

"No such member" is also what an app reads of somebody whom it may not see: that they left is only said here.
Source: WeCom server API, member events (page 96302).
"""

from services.associates.model import ASSOCIATE, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key, ...]:
    return (Key(ASSOCIATE, fields["UserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.DELETED),)


SPEC = EventSpec("change_contact", "delete_user", targets, evidence)
