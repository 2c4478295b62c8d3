"""Values of notices. A notice is one text for one recipient, made by one fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.reminders.model import Switch
from shared.ids import UserId

NEW_CUSTOMER = "new_customer"
REASSIGNED_TO_YOU = "reassigned_to_you"
REASSIGNED_AWAY = "reassigned_away"
RELATION_LOST = "relation_lost"
TAKEN_OVER = "taken_over"
HANDED_OVER = "handed_over"
HANDOVER_FAILED = "handover_failed"
HANDOVER_DONE = "handover_done"
POOL_GIVEN = "pool_given"
RELATION_DELETED = "relation_deleted"
DELETIONS_OF_DAY = "deletions_of_day"
STAGE_CHANGED = "stage_changed"
STAGE_OVERSTAYED = "stage_overstayed"
NOT_CONTACTED = "not_contacted"
CHAT_EVENT = "chat_event"
LEAVER_DEADLINE = "leaver_deadline"
SOP_STEP = "sop_step"
SOP_OVERDUE = "sop_overdue"


@dataclass(frozen=True)
class Notice:
    """`about`: whose matter it is, where the recipient hears of it beside them or in their place.

    `reason`: what it stands for; a later fact that takes the reason away takes the notice back. `undoes`: the reason of
    what it puts an end to; who was not told of that yet need not be told of its end. `recipient` may be NOBODY or
    ASSIGNED (services/reminders/model.py). `until`: it is of no use any more then.
    """

    name: str
    recipient: UserId
    about: UserId | None = None
    reason: str | None = None
    until: datetime | None = None
    undoes: str | None = None


@dataclass(frozen=True)
class Told:
    """A notice that the corp wants, and how."""

    notice: Notice
    switch: Switch


_MINUTE = 60
USUAL: Mapping[str, Switch] = {
    NEW_CUSTOMER: Switch(apart_s=_MINUTE),
    RELATION_LOST: Switch(apart_s=_MINUTE),
    REASSIGNED_TO_YOU: Switch(gather_s=5, apart_s=_MINUTE),
    REASSIGNED_AWAY: Switch(gather_s=5, apart_s=_MINUTE),
    POOL_GIVEN: Switch(apart_s=_MINUTE),
    RELATION_DELETED: Switch(enabled=False, administrators=True),  # the digest is usual (LOSS-3)
    DELETIONS_OF_DAY: Switch(administrators=True),
    STAGE_CHANGED: Switch(enabled=False, apart_s=_MINUTE),  # a rule may move a hundred thousand customers in a minute
    # Days are set stage by stage: without, there are none.
    STAGE_OVERSTAYED: Switch(administrators=True, gather_s=_MINUTE),
    NOT_CONTACTED: Switch(gather_s=_MINUTE),
    CHAT_EVENT: Switch(urgent=True),
    LEAVER_DEADLINE: Switch(administrators=True),
    SOP_OVERDUE: Switch(superior=True),
}
"""What is usual where a corp has set nothing; kinds that are not named: told at once, to nobody else."""

FOLDED: Mapping[str, str] = {
    NEW_CUSTOMER: "customers",
    RELATION_LOST: "lost",
    REASSIGNED_TO_YOU: "customers",
    REASSIGNED_AWAY: "customers",
    POOL_GIVEN: "to-add",
    RELATION_DELETED: "lost",
    STAGE_CHANGED: "customers",
    STAGE_OVERSTAYED: "customers",
    NOT_CONTACTED: "customers",
}
"""Kinds of which several that are due for one recipient are told in one message, and the page that lists them.

All others are told one by one: what has been handed over, and what failed, has numbers of its own in each.
"""

OF_STAGES: frozenset[str] = frozenset({STAGE_CHANGED, STAGE_OVERSTAYED, NOT_CONTACTED})
"""Kinds under the one switch of all stages' messages (STG-4)."""

NOTICES = frozenset(value for name, value in globals().copy().items() if name.isupper() and isinstance(value, str))
"""All kinds: what a switch can be set for."""
