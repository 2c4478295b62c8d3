"""A department was made (change_contact / create_party). Id and ParentId only is normal.

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
    return (Said(key, EvidenceKind.CREATED),)


SPEC = EventSpec("change_contact", "create_party", targets, evidence)
