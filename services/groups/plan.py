"""What a read of a chat, what is recorded of it and the evidence about it amount to. Pure (GRP-1).

Details lag behind events: what a read is known not to show yet is looked at again, for a while; then the read is
right. A chat that cannot be read is out of sight, with nothing of it taken for ended, unless somebody dismissed it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo

from services.groups.days import DayChange, day_changes
from services.groups.members import MemberPlan, plan_end, plan_members
from services.groups.model import (
    WATCHED,
    Chat,
    ChatChanged,
    ChatCreated,
    ChatDismissed,
    ChatFact,
    ChatInSight,
    ChatOutOfSight,
    ChatOwnerChanged,
    Evidence,
    EvidenceKind,
    NotObserved,
    Observed,
    Recorded,
    Stay,
    Unreadable,
)
from services.groups.versions import LAG, Reading, may_lag, next_look

DETAILS = ("name", "notice", "admins")


@dataclass(frozen=True)
class ChatPlan:
    """What to write of one chat. `chat` is None when nothing was learnt; `stays` are those that changed."""

    chat_id: str
    chat: Chat | None = None
    stays: tuple[Stay, ...] = ()
    days: Mapping[date, DayChange] = field(default_factory=dict)
    facts: tuple[ChatFact, ...] = ()
    look_again_at: datetime | None = None


def plan_chat(
    read: Observed | NotObserved, recorded: Recorded, evidence: Sequence[Evidence], *, zone: tzinfo
) -> ChatPlan:
    """Decide what becomes of a chat; plan, apply, plan again changes nothing. `zone` is the one of the corp's days."""
    if recorded.chat is not None and _before(read.observed_at, recorded.chat.observed_at):
        return ChatPlan(read.chat_id)
    told = sorted(evidence, key=lambda one: (one.occurred_at, one.heard_at))
    if isinstance(read, NotObserved):
        return _plan_unreadable(read, recorded, told, zone=zone)
    return _plan_readable(read, recorded, told, zone=zone)


def _before(moment: datetime, other: datetime | None) -> bool:
    return other is not None and moment < other


def _plan_readable(read: Observed, recorded: Recorded, told: Sequence[Evidence], *, zone: tzinfo) -> ChatPlan:
    before = recorded.chat
    dismissals = [
        one for one in told if one.kind is EvidenceKind.DISMISSED and may_lag(one.since, observed_at=read.observed_at)
    ]
    reading = Reading(read.member_version, read.observed_at, before, told)
    if before is not None and before.dismissed_at is not None and dismissals:
        return ChatPlan(read.chat_id, look_again_at=_look([one.since for one in dismissals], read.observed_at))
    newer_since = reading.newer_since()
    if newer_since is not None:
        return ChatPlan(read.chat_id, look_again_at=next_look(newer_since, observed_at=read.observed_at))
    members = plan_members(read, recorded, told, doubt=reading.doubt())
    chat = replace(_chat(read, before), member_count=members.present)
    events = [*dismissals, *reading.unseen(), *_unseen_changes(read, chat, told)]
    waits = [*(one.since for one in events), *members.waits]
    return ChatPlan(
        chat_id=read.chat_id,
        chat=chat,
        stays=tuple(members.changed),
        days=_days(members, zone=zone),
        facts=_in_order([*_facts(read, before, chat, told), *members.facts]),
        look_again_at=_look(waits, read.observed_at),
    )


def _chat(read: Observed, before: Chat | None) -> Chat:
    """The chat as it is now; what the read does not state stays as recorded."""
    known = before or Chat(read.chat_id)
    stated = {
        name: value
        for name in ("name", "owner", "notice", "admins", "created_at", "member_version")
        if (value := getattr(read, name)) is not None
    }
    after = replace(known, **stated, dismissed_at=None, out_of_sight_at=None, observed_at=read.observed_at)
    # Of the first read nobody knows whether it was behind.
    watched = WATCHED if known.observed_at is not None else ("member_version",)
    fresh = {name: read.observed_at for name in watched if getattr(known, name) != getattr(after, name)}
    return replace(after, since={**known.since, **fresh})


def _unseen_changes(read: Observed, chat: Chat, told: Sequence[Evidence]) -> list[Evidence]:
    """Events of a new name, notice or owner that this read may not show yet: such changes have no version.

    One is done when the field changed after it, and no other event is near that the change might belong to.
    """
    unseen = []
    changes = [one for one in told if one.kind is EvidenceKind.CHANGED and one.field in WATCHED]
    for event in (one for one in changes if may_lag(one.since, observed_at=read.observed_at)):
        since = chat.since.get(str(event.field))
        near = [one for one in changes if one.field == event.field and abs(one.since - event.since) < LAG]
        if since is None or since <= event.since or len(near) > 1:
            unseen.append(event)
    return unseen


def _facts(read: Observed, before: Chat | None, after: Chat, told: Sequence[Evidence]) -> list[ChatFact]:
    at, chat_id = read.observed_at, read.chat_id
    if before is None or before.observed_at is None:
        created = next((one for one in told if one.kind is EvidenceKind.CREATED), None)
        began = after.created_at or (created.occurred_at if created else at)
        return [
            ChatCreated(occurred_at=began, chat_id=chat_id, owner_userid=after.owner, evidenced=created is not None)
        ]
    facts: list[ChatFact] = []
    if before.out_of_sight_at is not None or before.dismissed_at is not None:
        facts.append(ChatInSight(occurred_at=at, chat_id=chat_id))
    if before.owner is not None and after.owner is not None and after.owner != before.owner:
        facts.append(
            ChatOwnerChanged(
                occurred_at=_told_at("owner", before, told) or at,
                chat_id=chat_id,
                from_userid=before.owner,
                to_userid=after.owner,
            )
        )
    changed = tuple(
        name for name in DETAILS if getattr(before, name) is not None and getattr(before, name) != getattr(after, name)
    )
    if changed:
        times = [told_at for name in changed if (told_at := _told_at(name, before, told))]
        facts.append(ChatChanged(occurred_at=max(times, default=at), chat_id=chat_id, changed=changed))
    return facts


def _told_at(name: str, before: Chat, told: Sequence[Evidence]) -> datetime | None:
    """When the change of a field was made, as far as an event since the last one said so."""
    since = before.since.get(name)
    times = [one.occurred_at for one in told if one.kind is EvidenceKind.CHANGED and one.field == name]
    return max((at for at in times if since is None or at > since), default=None)


def _plan_unreadable(read: NotObserved, recorded: Recorded, told: Sequence[Evidence], *, zone: tzinfo) -> ChatPlan:
    before, at = recorded.chat, read.observed_at
    if before is not None and before.dismissed_at is not None:
        return ChatPlan(read.chat_id)
    dismissal = _dismissal(before, told)
    if dismissal is not None or read.why is Unreadable.DISMISSED:
        return _plan_dismissed(read, recorded, told, dismissal, zone=zone)
    known = before is not None and before.observed_at is not None
    fresh = [one for one in told if may_lag(one.since, observed_at=at)]
    if read.why is Unreadable.UNKNOWN and fresh and not known:  # reads do not show it yet
        return ChatPlan(read.chat_id, look_again_at=_look([one.since for one in fresh], at))
    if before is None or before.out_of_sight_at is not None:
        return ChatPlan(read.chat_id)
    return ChatPlan(
        read.chat_id,
        chat=replace(before, out_of_sight_at=at),
        facts=(ChatOutOfSight(occurred_at=at, chat_id=read.chat_id),),
    )


def _dismissal(before: Chat | None, told: Sequence[Evidence]) -> Evidence | None:
    """The event that ended the chat; one that a read has long outlived did not."""
    seen_at = before.observed_at if before else None
    counting = [
        one for one in told if one.kind is EvidenceKind.DISMISSED and (seen_at is None or one.since + LAG > seen_at)
    ]
    return counting[-1] if counting else None


def _plan_dismissed(
    read: NotObserved,
    recorded: Recorded,
    told: Sequence[Evidence],
    dismissal: Evidence | None,
    *,
    zone: tzinfo,
) -> ChatPlan:
    at = dismissal.occurred_at if dismissal else read.observed_at
    members = plan_end(read, at, recorded, told)
    known = recorded.chat or Chat(read.chat_id)
    ended = ChatDismissed(occurred_at=at, chat_id=read.chat_id, evidenced=dismissal is not None)
    return ChatPlan(
        chat_id=read.chat_id,
        chat=replace(known, dismissed_at=at, out_of_sight_at=None, member_count=0),
        stays=tuple(members.changed),
        days=_days(members, zone=zone),
        facts=_in_order([*members.facts, ended]),
    )


def _days(members: MemberPlan, *, zone: tzinfo) -> Mapping[date, DayChange]:
    return day_changes(members.before, members.changed, zone=zone)


def _in_order(facts: Sequence[ChatFact]) -> tuple[ChatFact, ...]:
    return tuple(sorted(facts, key=lambda fact: fact.occurred_at))


def _look(waits: Iterable[datetime], observed_at: datetime) -> datetime | None:
    return min((next_look(one, observed_at=observed_at) for one in waits), default=None)
