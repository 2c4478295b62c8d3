"""What becomes of the members of a chat: each is decided on their own (stays.py), then told. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from services.groups.model import (
    ChatMemberFact,
    ChatMemberJoined,
    ChatMemberLeft,
    ChatMemberReturned,
    Evidence,
    EvidenceKind,
    Kind,
    NotObserved,
    Observed,
    ObservedMember,
    Recorded,
    Source,
    Stay,
    Traits,
)
from services.groups.news import news
from services.groups.stays import SKEW, Behind, Sight, Span, in_time, spans_of, spans_until
from services.groups.versions import may_lag

LEAST_EXTERNAL_ID = 20
"""An external_userid has 32 characters and begins with wm or wo; a userid that does is shorter, nearly always."""


@dataclass
class MemberPlan:
    """`changed` are the stays to write, `before` what was recorded of them; `waits`: times of what the read lacks."""

    present: int = 0
    changed: list[Stay] = field(default_factory=list)
    before: list[Stay] = field(default_factory=list)
    facts: list[ChatMemberFact] = field(default_factory=list)
    waits: list[datetime] = field(default_factory=list)


def named_by(evidence: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    """The events that each member is in, in the order given."""
    found: dict[str, list[Evidence]] = {}
    for item in evidence:
        if item.kind in (EvidenceKind.JOINED, EvidenceKind.LEFT):
            for member in item.members:
                found.setdefault(member, []).append(item)
    return found


def plan_members(
    read: Observed, recorded: Recorded, evidence: Sequence[Evidence], *, doubt: datetime | None
) -> MemberPlan:
    """A read that shows nobody at all says nothing of the members: everything stays as it is. `doubt`: see `Sight`."""
    plan, told = MemberPlan(), named_by(evidence)
    if read.members is None:
        plan.present = sum(_is_present(stays) for stays in recorded.stays.values())
        return plan

    def may_still_lag(event: Evidence) -> bool:
        return may_lag(event.since, observed_at=read.observed_at)

    for member_id in sorted(read.members.keys() | recorded.stays.keys() | told.keys()):
        observed, before = read.members.get(member_id), recorded.stays.get(member_id, ())
        items = told.get(member_id, [])
        if not items and _is_as_recorded(observed, before):
            plan.present += observed is not None
            continue
        sight = Sight(observed, read.observed_at, may_still_lag, doubt)
        spans = spans_of(sight, before, items)
        if isinstance(spans, Behind):
            plan.waits += spans.waits
            plan.present += _is_present(before)
            continue
        after = _stays(member_id, spans, before, observed)
        plan.present += _is_present(after)
        _add(plan, read, before, after, items)
    return plan


def plan_end(read: NotObserved, dismissed_at: datetime, recorded: Recorded, evidence: Sequence[Evidence]) -> MemberPlan:
    """The chat is dismissed: whoever is in it leaves."""
    plan, told = MemberPlan(), named_by(evidence)
    for member_id in sorted(recorded.stays):
        before, items = recorded.stays[member_id], told.get(member_id, [])
        after = _stays(member_id, spans_until(dismissed_at, before, items), before, None)
        _add(plan, read, before, after, items)
    return plan


def _is_present(stays: Sequence[Stay]) -> bool:
    return any(stay.left_at is None for stay in stays)


def _is_as_recorded(observed: ObservedMember | None, before: Sequence[Stay]) -> bool:
    """Whether there is nothing to decide: the case of nearly every member at nearly every read."""
    present = [stay for stay in before if stay.left_at is None]
    if observed is None or len(present) != 1:
        return observed is None and not present
    stay = present[0]
    if stay.joined_at != observed.joined_at or (stay.joined_at is not None and stay.joined_by is not Source.READ):
        return False
    return stay.kind is observed.kind and _merged(stay.traits, observed.traits) == stay.traits


def _add(
    plan: MemberPlan,
    read: Observed | NotObserved,
    before: Sequence[Stay],
    after: Sequence[Stay],
    told: Sequence[Evidence],
) -> None:
    known = {stay.number: stay for stay in before}
    changed = [stay for stay in after if known.get(stay.number) != stay]
    plan.changed += changed
    plan.before += [known[stay.number] for stay in changed if stay.number in known]
    plan.facts += _facts(read, before, after, told)


def _stays(
    member_id: str, spans: Sequence[Span], before: Sequence[Stay], observed: ObservedMember | None
) -> list[Stay]:
    """The spans as stays, each in the row that it was recorded in before."""
    rows = _rows_of(spans, before)
    number = max((stay.number for stay in before), default=0)
    found = []
    for span, row in zip(spans, rows, strict=True):
        number += row is None
        stay = _timed(row or Stay(member_id, number, _kind(member_id, before, observed)), span)
        if span.end is None and observed is not None:
            stay = replace(stay, kind=observed.kind, traits=_merged(stay.traits, observed.traits))
        found.append(stay)
    return found


def _rows_of(spans: Sequence[Span], before: Sequence[Stay]) -> list[Stay | None]:
    """The recorded stay of each span: the one that began or ended then, else the next in time."""
    left = sorted(before, key=in_time)
    rows: list[Stay | None] = [None] * len(spans)

    def take(index: int, candidates: Sequence[Stay]) -> None:
        if rows[index] is None and candidates:
            rows[index] = candidates[0]
            left.remove(candidates[0])

    for index, span in enumerate(spans):
        take(index, [one for one in left if span.start.by and one.joined_at == span.start.at])
    for index, span in enumerate(spans):
        ended_at = span.end.at if span.end else None
        take(index, [one for one in left if one.left_at == ended_at])
    for index in range(len(spans)):
        take(index, left[:1])
    return rows


def _kind(member_id: str, before: Sequence[Stay], observed: ObservedMember | None) -> Kind:
    if observed is not None:
        return observed.kind
    if before:
        return before[-1].kind
    return kind_of_id(member_id)


def kind_of_id(member_id: str) -> Kind:
    """What an id looks like, where nothing says whose it is."""
    outside = member_id.startswith(("wm", "wo")) and len(member_id) >= LEAST_EXTERNAL_ID
    return Kind.CUSTOMER if outside else Kind.ASSOCIATE


def _timed(stay: Stay, span: Span) -> Stay:
    start, end = span.start, span.end
    traits = stay.traits
    if traits.join_scene is None and start.scene is not None:
        traits = replace(traits, join_scene=start.scene)
    return replace(
        stay,
        joined_at=start.at if start.by else None,
        joined_by=start.by,
        left_at=end.at if end else None,
        left_by=end.by if end else None,
        quit_scene=end.scene if end else None,
        traits=traits,
    )


def _merged(before: Traits, after: Traits) -> Traits:
    """`after` where it states something, else `before`."""
    stated = {f.name: value for f in fields(Traits) if (value := getattr(after, f.name)) is not None}
    return replace(before, **stated) if stated else before


def _facts(
    read: Observed | NotObserved, before: Sequence[Stay], after: Sequence[Stay], told: Sequence[Evidence]
) -> list[ChatMemberFact]:
    fresh, chat_id = news(before, after), read.chat_id
    facts: list[ChatMemberFact] = []
    for stay in fresh.joined:
        assert stay.joined_at is not None
        facts.append(
            ChatMemberJoined(
                occurred_at=stay.joined_at,
                chat_id=chat_id,
                member_id=stay.member_id,
                kind=stay.kind,
                scene=stay.traits.join_scene,
                invitor=stay.traits.invitor,
                evidenced=_is_evidenced(stay.joined_at, told),
            )
        )
    for stay in fresh.left:
        assert stay.left_at is not None and stay.left_by is not None
        facts.append(
            ChatMemberLeft(
                occurred_at=stay.left_at,
                chat_id=chat_id,
                member_id=stay.member_id,
                kind=stay.kind,
                scene=stay.quit_scene,
                by=stay.left_by,
            )
        )
    facts += [
        ChatMemberReturned(occurred_at=read.observed_at, chat_id=chat_id, member_id=stay.member_id, kind=stay.kind)
        for stay in fresh.returned
    ]
    return facts


def _is_evidenced(joined_at: datetime, told: Sequence[Evidence]) -> bool:
    return any(one.kind is EvidenceKind.JOINED and abs(one.occurred_at - joined_at) <= SKEW for one in told)
