"""The tags of a group changed places, or with an empty Id the groups (change_external_tag / shuffle).

Source: WeCom server API, customer events (page 92130).
"""

from services.tags.model import CORP, TAG_CATALOGUE
from sync_worker.events import EventSpec, Fields, Key


def targets(_fields: Fields) -> tuple[Key]:
    return (Key(TAG_CATALOGUE, CORP),)


SPEC = EventSpec("change_external_tag", "shuffle", targets)
