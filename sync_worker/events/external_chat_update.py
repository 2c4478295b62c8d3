"""Members, owner, name or notice of a customer group changed (change_external_chat / update).

How and when somebody left, who came and went between two reads, and the versions before and after are only said here.
The list of members may be nested, repeated, one text with commas, or missing; its count may be wrong.
Source: WeCom server API, customer group events (page 92130).
"""

from services.groups.model import CHAT, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said

MOVES = {"add_member": (EvidenceKind.JOINED, "JoinScene"), "del_member": (EvidenceKind.LEFT, "QuitScene")}
FIELDS = {"change_owner": "owner", "change_name": "name", "change_notice": "notice"}


def targets(fields: Fields) -> tuple[Key]:
    return (Key(CHAT, fields["ChatId"]),)


def evidence(fields: Fields) -> tuple[Said, ...]:
    detail = (fields.get("UpdateDetail") or "").lower()
    if detail in FIELDS:
        return (Said(*targets(fields), EvidenceKind.CHANGED, details={"field": FIELDS[detail]}),)
    if detail not in MOVES:
        return ()
    kind, scene = MOVES[detail]
    details = {
        "members": fields.every("MemChangeList"),
        "scene": _code(fields.get(scene)),
        "last": fields.get("LastMemVer"),
        "cur": fields.get("CurMemVer"),
    }
    return (Said(*targets(fields), kind, details=details),)


def _code(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


SPEC = EventSpec("change_external_chat", "update", targets, evidence)
