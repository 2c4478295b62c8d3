"""A department was deleted (change_contact / delete_party). It has no members any more then.

Source: WeCom server API, department events (page 96303).
"""

from services.associates.model import OUTLET, EvidenceKind, department_key
from sync_worker.events import EventSpec, Fields, Key, MissingFieldError, Said


def targets(fields: Fields) -> tuple[Key, ...]:
    key = department_key(fields["Id"])
    if key is None:
        raise MissingFieldError("Id")
    return (Key(OUTLET, key),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    (key,) = targets(fields)
    return (Said(key, EvidenceKind.DELETED),)


SPEC = EventSpec("change_contact", "delete_party", targets, evidence)
