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

    `reason`: what it stands for; a later fact that takes the reason away takes the notice back. `recipient` may be
    NOBODY or ASSIGNED (services/reminders/model.py). `until`: it is of no use any more then.
    """

    name: str
    recipient: UserId
    about: UserId | None = None
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Told:
    """A notice that the corp wants, and how."""

    notice: Notice
    switch: Switch


USUAL: Mapping[str, Switch] = {
    RELATION_DELETED: Switch(enabled=False, administrators=True),  # the digest is usual (LOSS-3)
    DELETIONS_OF_DAY: Switch(administrators=True),
    STAGE_CHANGED: Switch(enabled=False),  # a rule may move a hundred thousand customers in a minute
    STAGE_OVERSTAYED: Switch(administrators=True, gather_s=60),  # days are set stage by stage: without, there are none
    NOT_CONTACTED: Switch(gather_s=60),
    CHAT_EVENT: Switch(urgent=True),
    LEAVER_DEADLINE: Switch(administrators=True),
    SOP_OVERDUE: Switch(superior=True),
}
"""What is usual where a corp has set nothing; kinds that are not named: told at once, to nobody else."""

OF_STAGES: frozenset[str] = frozenset({STAGE_CHANGED, STAGE_OVERSTAYED, NOT_CONTACTED})
"""Kinds under the one switch of all stages' messages (STG-4)."""
