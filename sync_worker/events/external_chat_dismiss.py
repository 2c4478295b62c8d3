"""The owner dissolved a customer group (change_external_chat / dismiss).

A read that is refused does not say whether the group is gone or out of sight: the event does, and when.
Source: WeCom server API, customer group events (page 92130).
"""

from services.groups.model import CHAT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CHAT, fields["ChatId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    return (Said(*targets(fields), EvidenceKind.DISMISSED),)


SPEC = EventSpec("change_external_chat", "dismiss", targets, evidence)
