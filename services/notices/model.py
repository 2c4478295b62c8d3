"""Values of notices. A notice is one text for one recipient, made by one fact."""

from dataclasses import dataclass

from shared.ids import UserId

NEW_CUSTOMER = "new_customer"
REASSIGNED_TO_YOU = "reassigned_to_you"
REASSIGNED_AWAY = "reassigned_away"
RELATION_LOST = "relation_lost"
TAKEN_OVER = "taken_over"
HANDED_OVER = "handed_over"
HANDOVER_FAILED = "handover_failed"
POOL_GIVEN = "pool_given"


@dataclass(frozen=True)
class Notice:
    name: str
    recipient: UserId
