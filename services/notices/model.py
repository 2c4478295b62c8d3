"""Values of notices. A notice is one text for one recipient, made by one fact."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.reminders.model import Switch
from shared.ids import UserId

NEW_CUSTOMER = "new_customer"
REASSIGNED_TO_YOU = "reassigned_to_you"
REASSIGNED_AWAY = "reassigned_away"
RELATION_LOST = "relation_lost"
TAKEN_OVER = "taken_over"
HANDED_OVER = "handed_over"
HANDOVER_FAILED = "handover_failed"
POOL_GIVEN = "pool_given"
SOP_STEP = "sop_step"
SOP_OVERDUE = "sop_overdue"


@dataclass(frozen=True)
class Notice:
    """`about`: whose matter it is, where the recipient hears of it beside them or in their place.

    `reason`: what it stands for; a later fact that takes the reason away takes the notice back.
    """

    name: str
    recipient: UserId
    about: UserId | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Told:
    """A notice that the corp wants, and how."""

    notice: Notice
    switch: Switch


USUAL: Mapping[str, Switch] = {
    SOP_OVERDUE: Switch(superior=True),
}
"""What is usual where a corp has set nothing; kinds that are not named: told at once, to nobody else."""

OF_STAGES: frozenset[str] = frozenset()
"""Kinds under the one switch of all stages' messages (STG-4)."""
