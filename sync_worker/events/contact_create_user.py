"""A member joined, or came back (change_contact / create_user). Ids only is normal.

That they came, and when, is kept as evidence: reads may be behind, and the app may not see them.
Source: WeCom server API, member events (page 96302).
"""

from services.associates.model import ASSOCIATE, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key, ...]:
    return (Key(ASSOCIATE, fields["UserID"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.CREATED),)


SPEC = EventSpec("change_contact", "create_user", targets, evidence)
