"""What an urgent event says: whose new friend may be welcomed, with which code, until when."""

from datetime import timedelta

from services.welcomes.log import Occasion
from shared.body import BodyError, read_body
from shared.ids import ExternalUserId, UserId
from shared.inbox import BODY
from shared.tenants import Receiver
from shared.urgent import UrgentEvent
from shared.vault import VaultError
from sync_worker.events import Fields, MissingFieldError
from sync_worker.routing import ROUTED_KINDS

# A consent to archiving brings a code, too; it is no new friend.
# Source: WeCom server API, customer events (page 92130).
EVENT, ADDED, HALF_ADDED = "change_external_contact", "add_external_contact", "add_half_external_contact"


def occasion_of(receiver: Receiver | None, event: UrgentEvent, *, life_s: float) -> Occasion | None:
    """None: there is nobody to be welcomed. The seconds count from WeCom's own time, or ours if that is earlier."""
    if receiver is None or receiver.kind not in ROUTED_KINDS:
        return None
    try:
        body = read_body(receiver.cipher.decrypt(event.body, BODY))
        change = body.change.lower()
        if body.event.lower() != EVENT or change not in (ADDED, HALF_ADDED):
            return None
        fields = Fields(body, event.occurred_at or event.received_at)
        began = min(fields.occurred_at, event.received_at)
        return Occasion(
            UserId(fields["UserID"]),
            ExternalUserId(fields["ExternalUserID"]),
            fields["WelcomeCode"],
            fields.get("State"),
            change == HALF_ADDED,
            event.received_at,
            began + timedelta(seconds=life_s),
        )
    except (VaultError, BodyError, MissingFieldError):
        return None  # routing says so of the same event
