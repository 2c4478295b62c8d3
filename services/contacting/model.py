"""Values of contact. No WeCom read tells when people last spoke: contact is what is listed here (SOP-7)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    NOTE = "note"
    TASK = "task"  # a finished one
    EVENT_BY_HAND = "event_by_hand"
    EVENT = "event"  # that a system of the retailer told
    SOP_STEP = "sop_step"  # a confirmed one


@dataclass(frozen=True)
class Contacted:
    """`by`: who wrote, did or recorded it; None where a system told. Screens name the source."""

    at: datetime
    source: Source
    by: str | None
