"""Policies react to facts: who hears of what. Pure.

Nobody hears of what a bootstrap finds, nor of what was there before the corp was added.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.acquisition.model import (
    AcquisitionLinkDeleted,
    AcquisitionLinkUnavailable,
    AcquisitionLinkUsed,
    AcquisitionQuotaChanged,
)
from services.assignment.model import CustomerAssigned, CustomerReassigned, CustomerUnassigned
from services.associates.model import (
    AssociateInSight,
    AssociateJoined,
    AssociateLeft,
    AssociateMoved,
    AssociateOutOfSight,
    AssociateRenamed,
    AssociateReturned,
    OutletAdded,
    OutletChanged,
    OutletRemoved,
)
from services.blacklist.model import CustomerBlacklisted, CustomerUnblacklisted
from services.bulk_changes.model import BulkChangeFinished
from services.catalogue.model import TagCatalogueEditSettled
from services.companies.model import CustomerLinkedToCompany, CustomerUnlinkedFromCompany
from services.customers.model import (
    RelationAssociateLeft,
    RelationEdited,
    RelationEndedFact,
    RelationHalfAdded,
    RelationInSight,
    RelationLost,
    RelationOutOfSight,
    RelationStarted,
    RelationTransferred,
)
from services.erasing.model import CustomerErased
from services.files.model import CustomersImported, ImportFinished
from services.groups.model import (
    ChatChanged,
    ChatCreated,
    ChatDismissed,
    ChatInSight,
    ChatMemberJoined,
    ChatMemberLeft,
    ChatMemberReturned,
    ChatOutOfSight,
    ChatOwnerChanged,
)
from services.intents.enforcement import RelationTagDrift
from services.intents.model import RelationEditSettled
from services.local_tags.model import CustomerTagged, LocalTagDeleted, LocalTagGiven, LocalTagTaken
from services.loss.model import CustomerDeleted, CustomerLost, CustomerReturned
from services.notes.model import EventRecordedByHand, NoteAdded, NoteRemoved
from services.notices.model import (
    HANDED_OVER,
    HANDOVER_DONE,
    HANDOVER_FAILED,
    NEW_CUSTOMER,
    OF_STAGES,
    POOL_GIVEN,
    REASSIGNED_AWAY,
    REASSIGNED_TO_YOU,
    RELATION_LOST,
    SOP_OVERDUE,
    SOP_STEP,
    TAKEN_OVER,
    USUAL,
    Notice,
    Told,
)
from services.notices.settled import lost, to_add
from services.notices.timely import TIMELY
from services.persons.model import CustomersMerged, CustomersParted
from services.planning import Cause, Fact
from services.pool.model import (
    PoolAdded,
    PoolAssigned,
    PoolCustomersGiven,
    PoolEntered,
    PoolMatchUnclear,
    PoolReachable,
    PoolReturned,
    PoolUnreachable,
)
from services.reminders.model import NOBODY, Policy, Switch
from services.robots.model import recipient_of
from services.scores.model import ScoreChanged, ScoresAdjusted
from services.segments.model import SegmentRefreshed
from services.sops.model import SopStepDone, SopStepDue, SopStepOverdue
from services.tags.model import (
    TagCreated,
    TagDeleted,
    TagGroupCreated,
    TagGroupDeleted,
    TagGroupRenamed,
    TagGroupsReordered,
    TagMoved,
    TagRenamed,
    TagsReordered,
)
from services.tasks.model import TaskCancelled, TaskDone, TaskMade, TaskReopened
from services.transfers.model import (
    ChatTransferAccepted,
    ChatTransferAsked,
    ChatTransferDone,
    ChatTransferFailed,
    TakeoverDone,
    TakeoverFailed,
    TransferAccepted,
    TransferAsked,
    TransferDone,
    TransferFailed,
    TransferRefused,
)
from shared.ids import ExternalUserId, UserId

SILENT: frozenset[type[Fact]] = frozenset(
    {
        AcquisitionLinkDeleted,
        AcquisitionLinkUnavailable,
        AcquisitionLinkUsed,
        AcquisitionQuotaChanged,
        AssociateInSight,
        AssociateJoined,
        AssociateLeft,
        AssociateMoved,
        AssociateOutOfSight,
        AssociateRenamed,
        AssociateReturned,
        BulkChangeFinished,  # whoever asked looks at it
        ChatChanged,
        ChatCreated,
        ChatDismissed,
        ChatInSight,
        ChatMemberJoined,  # rules of group SOPs react to it, nobody is told of each
        ChatMemberLeft,
        ChatMemberReturned,
        ChatOutOfSight,
        ChatOwnerChanged,
        ChatTransferAccepted,
        ChatTransferAsked,
        ChatTransferDone,  # people hear of all that were handed over together
        ChatTransferFailed,
        CustomerAssigned,  # the first friend hears of it as a new customer
        CustomerBlacklisted,  # those who ask are told: campaigns, rules, the profile
        CustomerDeleted,
        CustomerErased,  # the associates' friendships go on
        CustomerLinkedToCompany,  # the CRM told it, and the profile shows it; other systems hear of it by webhooks
        CustomerLost,  # the associate hears of the relation
        CustomerReturned,
        CustomerTagged,  # who works with them sees it; SOPs will react to it
        CustomerUnassigned,
        CustomerUnblacklisted,
        CustomerUnlinkedFromCompany,  # likewise
        CustomersMerged,
        LocalTagDeleted,
        LocalTagGiven,
        LocalTagTaken,
        CustomersParted,
        EventRecordedByHand,
        NoteAdded,
        NoteRemoved,
        CustomersImported,  # who asked looks at the import
        CustomersMerged,
        ImportFinished,
        OutletAdded,
        OutletChanged,
        OutletRemoved,
        PoolAdded,
        PoolAssigned,  # associates hear of all that they were given within some seconds
        PoolEntered,
        PoolMatchUnclear,  # a list in the console
        PoolReachable,
        PoolReturned,
        PoolUnreachable,  # shown to the operator
        RelationAssociateLeft,
        RelationEdited,
        RelationEditSettled,  # the console shows it to who asked
        RelationHalfAdded,
        RelationInSight,
        RelationOutOfSight,
        RelationTagDrift,  # counted where the rules are listed
        RelationTransferred,  # the platform's doing, not the customer's
        ScoreChanged,
        ScoresAdjusted,
        SegmentRefreshed,
        SopStepDone,  # who confirmed it knows
        TagCatalogueEditSettled,  # likewise
        TagCreated,
        TagDeleted,
        TagGroupCreated,
        TagGroupDeleted,
        TagGroupRenamed,
        TagGroupsReordered,
        TagMoved,
        TagRenamed,
        TagsReordered,
        TaskCancelled,
        TaskDone,
        TaskMade,  # the associate's list shows it
        TaskReopened,
        TransferAccepted,
        TransferAsked,
        TransferDone,  # as of chats
        TransferFailed,
        TransferRefused,
    }
)
"""Facts that nobody is told of; every other fact has a reaction below."""

_QUIET_CAUSES: frozenset[Cause] = frozenset({"bootstrap", "resync", "import"})


def react(fact: Fact, *, cause: Cause, added_at: datetime) -> tuple[Notice, ...]:
    """The notices that a fact calls for; `added_at` is when the corp was added."""
    reaction = REACTIONS.get(type(fact))
    if reaction is None or (cause in _QUIET_CAUSES and not _is_event_since(fact, added_at)):
        return ()
    return reaction(fact, added_at)


def wanted(notice: Notice, policy: Policy, stage_ids: Iterable[int] = ()) -> Told | None:
    """The notice as the corp wants it; None: switched off, so that none is queued (LOSS-4, STG-4)."""
    if notice.name in OF_STAGES and not policy.stages_on:
        return None
    switch = policy.switch(notice.name, USUAL.get(notice.name, Switch()), stage_ids)
    return Told(notice, switch) if switch.enabled else None


def spread(
    told: Told,
    *,
    superiors: Mapping[UserId, tuple[UserId, ...]],
    administrators: Sequence[UserId],
    robots: Sequence[int] = (),
) -> tuple[Notice, ...]:
    """The notice itself, and one for each of those above who are to hear of it; nobody twice.

    `robots`: ids of those that speak for administrators; then these are not told themselves. A notice to NOBODY is for
    those above alone.
    """
    notice, switch = told.notice, told.switch
    whose = below(notice)
    speaking = robots if switch.administrators else ()
    others = [*(superiors.get(whose, ()) if switch.superior and whose else ())]
    others += administrators if switch.administrators and not speaking else ()
    also: list[UserId] = [one for one in dict.fromkeys(others) if one != notice.recipient]
    also += [UserId(recipient_of(one)) for one in speaking]
    own = () if notice.recipient == NOBODY else (notice,)
    return *own, *(replace(notice, recipient=one, about=notice.about or whose) for one in also)


def below(notice: Notice) -> UserId | None:
    """Whose superiors may hear of it beside the recipient."""
    return (notice.about or None) if notice.recipient == NOBODY else notice.recipient


def _is_event_since(fact: Fact, added_at: datetime) -> bool:
    """An event of its own told of it, after the corp was added: that is news, whoever came by and recorded it.

    WeCom's times are whole seconds: one of the second in which the corp was added may have been after that.
    """
    evidenced = isinstance(fact, RelationStarted | RelationEndedFact) and fact.evidenced
    return evidenced and fact.occurred_at >= added_at.replace(microsecond=0)


def _relation_started(fact: Fact, added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, RelationStarted)
    # An event may lead to a look at a relation that is as old as the hills: that is no new customer.
    news = (fact.evidenced or fact.occurred_at >= added_at) and fact.transfer_id is None
    return (Notice(NEW_CUSTOMER, fact.userid),) if news else ()


def _relation_lost(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    assert isinstance(fact, RelationLost)
    return (Notice(RELATION_LOST, fact.userid, reason=lost(fact.userid, fact.external_userid)),)


def _customer_reassigned(fact: Fact, added_at: datetime) -> tuple[Notice, ...]:
    """Both hear of it (ASG-5); an operator's or a rule's wish likewise."""
    assert isinstance(fact, CustomerReassigned)
    if fact.occurred_at < added_at or fact.transfer_id is not None:
        return ()
    gained, left = (_has(one, fact.external_userid) for one in (fact.to_userid, fact.from_userid))
    to_you, away = (_has_not(one, fact.external_userid) for one in (fact.to_userid, fact.from_userid))
    return (
        Notice(REASSIGNED_TO_YOU, fact.to_userid, reason=gained, undoes=to_you),
        Notice(REASSIGNED_AWAY, fact.from_userid, reason=away, undoes=left),
    )


def _takeover_done(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """The new owner hears of it, the one before, where they are still there, and who asked (TRF-4, ASG-5)."""
    assert isinstance(fact, TakeoverDone)
    told = (Notice(TAKEN_OVER, fact.to_userid), *(() if fact.departed else (Notice(HANDED_OVER, fact.from_userid),)))
    asked = fact.author_userid
    if asked is None or asked in {one.recipient for one in told}:
        return told
    return *told, Notice(HANDOVER_DONE, asked)


def _takeover_failed(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Who asked hears of it; who is no associate sees it in the list, and administrators hear it by switch (TRF-4)."""
    assert isinstance(fact, TakeoverFailed)
    return (Notice(HANDOVER_FAILED, fact.author_userid or NOBODY),)


def _pool_given(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """One message, however many there are (POOL-7)."""
    assert isinstance(fact, PoolCustomersGiven)
    reason = None if fact.customer_id is None else to_add(fact.userid, fact.customer_id)
    return (Notice(POOL_GIVEN, fact.userid, reason=reason),)


def _has(userid: UserId, external_userid: ExternalUserId) -> str:
    return f"assigned:{userid}:{external_userid}"


def _has_not(userid: UserId, external_userid: ExternalUserId) -> str:
    return f"unassigned:{userid}:{external_userid}"


def _came_back(fact: Fact) -> tuple[str, ...]:
    assert isinstance(fact, RelationStarted)
    return (lost(fact.userid, fact.external_userid),)


def _changed_again(fact: Fact) -> tuple[str, ...]:
    """Whoever had the customer has not, and whoever had not has them again."""
    assert isinstance(fact, CustomerReassigned)
    return _has(fact.from_userid, fact.external_userid), _has_not(fact.to_userid, fact.external_userid)


def _has_nobody(fact: Fact) -> tuple[str, ...]:
    assert isinstance(fact, CustomerUnassigned)
    return (_has(fact.from_userid, fact.external_userid),)


def _nobodys_to_add(fact: Fact) -> tuple[str, ...]:
    assert isinstance(fact, PoolReturned | PoolAssigned)
    if fact.from_userid is None:
        return ()
    return tuple(to_add(fact.from_userid, one) for one in fact.customer_ids)


TAKES_BACK: Mapping[type[Fact], Callable[[Fact], tuple[str, ...]]] = {
    RelationStarted: _came_back,
    CustomerReassigned: _changed_again,
    CustomerUnassigned: _has_nobody,
    PoolReturned: _nobodys_to_add,
    PoolAssigned: _nobodys_to_add,
}
"""Reasons of notices that a fact takes away: what was to be told of them is told no more."""


def vanished(fact: Fact) -> dict[str, datetime | None]:
    """The reasons that are no more because of this fact -> of what happened before when; None: whenever it happened.

    A start that becomes known late takes back no loss that came after it; in one second a start comes before an end.
    """
    take = TAKES_BACK.get(type(fact))
    before = fact.occurred_at if isinstance(fact, RelationStarted) else None
    return dict.fromkeys(take(fact), before) if take else {}


def _sop_step_due(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Whoever is responsible at this moment; taken back when the step is confirmed or its rule stopped (SOP-3)."""
    assert isinstance(fact, SopStepDue)
    return (Notice(SOP_STEP, fact.userid, reason=fact.reason),)


def _sop_step_overdue(fact: Fact, _added_at: datetime) -> tuple[Notice, ...]:
    """Who was told, and by switch those above (SOP-5)."""
    assert isinstance(fact, SopStepOverdue)
    return (Notice(SOP_OVERDUE, fact.userid, reason=fact.reason),)


REACTIONS: Mapping[type[Fact], Callable[[Fact, datetime], tuple[Notice, ...]]] = {
    RelationStarted: _relation_started,
    RelationLost: _relation_lost,
    CustomerReassigned: _customer_reassigned,
    TakeoverDone: _takeover_done,
    TakeoverFailed: _takeover_failed,
    PoolCustomersGiven: _pool_given,
    **TIMELY,
    SopStepDue: _sop_step_due,
    SopStepOverdue: _sop_step_overdue,
}
