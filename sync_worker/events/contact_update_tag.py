"""Members or departments were given a member tag, or lost one (change_contact / update_tag).

Member tags are not mirrored. But an app's range may be set by tag, so those named may have come into its sight or left
it. The lists may be incomplete, so they say whom to look at, and nothing else.
Source: WeCom server API, tag events (page 96304).
"""

from services.associates.model import ASSOCIATE, OUTLET, department_key
from sync_worker.events import EventSpec, Fields, Key


def targets(fields: Fields) -> tuple[Key, ...]:
    userids = (*fields.every("AddUserItems"), *fields.every("DelUserItems"))
    departments = (department_key(one) for one in (*fields.every("AddPartyItems"), *fields.every("DelPartyItems")))
    keys = [Key(ASSOCIATE, one) for one in userids] + [Key(OUTLET, one) for one in departments if one is not None]
    return tuple(dict.fromkeys(keys))


SPEC = EventSpec("change_contact", "update_tag", targets)
