"""A customer group was made (change_external_chat / create).

Reads do not show it for some seconds; that it is there, and since when, is kept as evidence.
Source: WeCom server API, customer group events (page 92130).
"""

from services.groups.model import CHAT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CHAT, fields["ChatId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    return (Said(*targets(fields), EvidenceKind.CREATED),)


SPEC = EventSpec("change_external_chat", "create", targets, evidence)
