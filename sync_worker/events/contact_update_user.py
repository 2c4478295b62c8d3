"""A member was changed (change_contact / update_user): whatever it says of fields, a read tells all of it.

But for a new userid: no read tells that somebody new is somebody known. Both userids keep it as evidence.
Source: WeCom server API, member events (page 96302), userid (page 93997).
"""

from services.associates.model import ASSOCIATE, EvidenceKind
from sync_worker.events import EventSpec, Fields, Key, Said


def targets(fields: Fields) -> tuple[Key, ...]:
    return tuple(Key(ASSOCIATE, userid) for userid in _userids(fields))


def evidence(fields: Fields) -> tuple[Said, ...]:
    userids = _userids(fields)
    if len(userids) == 1:
        return ()
    old, new = userids
    return (
        Said(Key(ASSOCIATE, old), EvidenceKind.RENAMED, details={"userid": new}),
        Said(Key(ASSOCIATE, new), EvidenceKind.RENAMED_FROM, details={"userid": old}),
    )


def _userids(fields: Fields) -> tuple[str, ...]:
    """The userid, and the new one if it changed."""
    new = fields["NewUserID"] if fields.get("NewUserID") else fields["UserID"]
    return tuple(dict.fromkeys((fields["UserID"], new)))


SPEC = EventSpec("change_contact", "update_user", targets, evidence)
