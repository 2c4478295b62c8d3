"""A department was renamed or moved (change_contact / update_party): a read tells all of it.

Source: WeCom server API, department events (page 96303).
"""

from services.associates.model import OUTLET, department_key
from sync_worker.events import EventSpec, Fields, Key, MissingFieldError


def targets(fields: Fields) -> tuple[Key, ...]:
    key = department_key(fields["Id"])
    if key is None:
        raise MissingFieldError("Id")
    return (Key(OUTLET, key),)


SPEC = EventSpec("change_contact", "update_party", targets)
