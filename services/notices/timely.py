"""Who hears of stages, deletions, events of chats and last days, and what takes such a notice back. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from services.assignment.model import CustomerReassigned, CustomerUnassigned
from services.blacklist.model import CustomerBlacklisted
from services.customers.model import RelationDeleted
from services.notes.model import EventRecordedByHand, NoteAdded
from services.notices.model import (
    CHAT_EVENT,
    DELETIONS_OF_DAY,
    LEAVER_DEADLINE,
    NOT_CONTACTED,
    RELATION_DELETED,
    STAGE_CHANGED,
    STAGE_OVERSTAYED,
    Notice,
)
from services.planning import Fact
from services.reminders.model import ASSIGNED, NOBODY
from services.sops.model import SopStepDone
from services.stages.model import CustomerStageChanged
from services.tasks.model import TaskDone
from services.watching.model import (
    ChatEventDue,
    CustomerNotContacted,
    CustomerStageOverstayed,
    DeletionsOfDay,
    LeaverDeadline,
)
from services.watching.plan import EVENT_GRACE
from shared.ids import CustomerId


def _deleted(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Administrators hear of it: whoever removed somebody knows (LOSS-3)."""
    assert isinstance(fact, RelationDeleted)
    return (Notice(RELATION_DELETED, NOBODY, about=fact.userid),)


def _deletions(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, DeletionsOfDay)
    return (Notice(DELETIONS_OF_DAY, NOBODY),)


def _stage_changed(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Whoever has the customer hears of it, now or later; not of a stage that they have left meanwhile (STG-3)."""
    assert isinstance(fact, CustomerStageChanged)
    return (Notice(STAGE_CHANGED, ASSIGNED, reason=_of_stage(fact.line_id, fact.customer_id)),)


def _overstayed(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, CustomerStageOverstayed)
    reason = _of_stage(fact.line_id, fact.customer_id)
    return (Notice(STAGE_OVERSTAYED, fact.userid or NOBODY, reason=reason),)


def _not_contacted(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, CustomerNotContacted)
    return (Notice(NOT_CONTACTED, fact.userid, reason=_of_contact(fact.customer_id)),)


def _chat_event(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Nobody is reminded of what has begun long ago (GRP-6)."""
    assert isinstance(fact, ChatEventDue)
    until = datetime.fromisoformat(fact.starts_at) + EVENT_GRACE
    return (Notice(CHAT_EVENT, fact.userid, reason=f"chat_event:{fact.event_id}", until=until),)


def _leaver(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, LeaverDeadline)
    return (Notice(LEAVER_DEADLINE, NOBODY, about=fact.userid),)


TIMELY: Mapping[type[Fact], Callable[[Fact, datetime], tuple[Notice, ...]]] = {
    RelationDeleted: _deleted,
    DeletionsOfDay: _deletions,
    CustomerStageChanged: _stage_changed,
    CustomerStageOverstayed: _overstayed,
    CustomerNotContacted: _not_contacted,
    ChatEventDue: _chat_event,
    LeaverDeadline: _leaver,
}


def taken_back(fact: Fact) -> dict[str, datetime | None]:
    """The reasons of notices that this fact makes pointless: they stay unsent, where they are.

    With what holds since before when; None: since whenever. What somebody was told of as silence ends by a contact
    that came after its beginning: one of long ago, written down today, changes nothing (STG-2, SOP-7). It is counted
    anew for whoever gets the customer, and nobody is to contact who is blacklisted.
    """
    match fact:
        case CustomerStageChanged():
            return {_of_stage(fact.line_id, fact.customer_id): None}
        case NoteAdded() | TaskDone() | EventRecordedByHand():
            return {_of_contact(fact.customer_id): fact.occurred_at}
        case SopStepDone() if fact.customer_id is not None:
            return {_of_contact(fact.customer_id): fact.occurred_at}
        case CustomerReassigned() | CustomerUnassigned() | CustomerBlacklisted():
            return {_of_contact(fact.customer_id): None}
        case _:
            return {}


def stages_of(fact: Fact) -> tuple[int, ...] | None:
    """The stages whose switches decide, where the fact says which; None: those the customer is in."""
    match fact:
        case CustomerStageChanged():
            stage_id = fact.to_stage_id or fact.from_stage_id
            return () if stage_id is None else (stage_id,)
        case CustomerStageOverstayed():
            return (fact.stage_id,)
        case _:
            return None


def _of_stage(line_id: int, customer_id: int) -> str:
    return f"stage:{line_id}:{customer_id}"


def _of_contact(customer_id: int) -> str:
    return f"contact:{customer_id}"


def in_contact(reasons: Iterable[str]) -> list[CustomerId]:
    """The customers of those of these reasons that are of contact."""
    found = (one.partition(":") for one in reasons)
    return sorted(CustomerId(int(key)) for kind, _, key in found if kind == "contact")
