"""A corp tag or a group of them was deleted in the console (change_external_tag / delete).

Reads only lack it; that and when somebody deleted it is said here. The tags of a deleted group have no event.
Source: WeCom server API, customer events (page 92130).
"""

from services.tags.model import CORP, DELETED, TAG_CATALOGUE
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(_fields: Fields) -> tuple[Key]:
    return (Key(TAG_CATALOGUE, CORP),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, DELETED, details={"id": fields["Id"], **fields.details(type="TagType")}),)


SPEC = EventSpec("change_external_tag", "delete", targets, evidence)
