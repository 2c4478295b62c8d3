"""Chats in short: invented people, seconds on one day, what is told and what is read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.groups.model import (
    Evidence,
    EvidenceKind,
    Kind,
    NotObserved,
    Observed,
    ObservedMember,
    Recorded,
    Traits,
    Unreadable,
)
from services.groups.plan import ChatPlan, plan_chat
from shared.ids import UserId

DAY = datetime(2026, 3, 2, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
CHAT = "wrChatOne"
LI = "LiNa"
CHEN, WU, XU = (f"wm{name}{'A' * 28}" for name in ("Ch", "Wu", "Xu"))
JOINED, LEFT, CHANGED, CREATED, DISMISSED = (
    EvidenceKind.JOINED,
    EvidenceKind.LEFT,
    EvidenceKind.CHANGED,
    EvidenceKind.CREATED,
    EvidenceKind.DISMISSED,
)


def at(second: float) -> datetime:
    return DAY + timedelta(seconds=second)


def second_of(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - DAY).total_seconds()


def told(
    kind: EvidenceKind,
    second: float,
    *members: str,
    scene: int | None = None,
    versions: tuple[str | None, str | None] = (None, None),
    heard: float | None = None,
    field: str | None = None,
) -> Evidence:
    return Evidence(kind, at(second), at(second if heard is None else heard), members, scene, *versions, field)


def read(second: float, version: str | None = "v0", *, name: str = "One", owner: str = LI, **joined: float) -> Observed:
    """A read that shows LiNa, who owns the chat from second 0 on, and others by name with their join times."""
    return seen(second, {LI: 0, **{globals()[key]: when for key, when in joined.items()}}, version, name, owner)


def seen(
    second: float, joined: Mapping[str, float | None], version: str | None = "v0", name: str = "One", owner: str = LI
) -> Observed:
    members = {
        one: ObservedMember(
            Kind.CUSTOMER if one.startswith("wm") else Kind.ASSOCIATE,
            None if when is None else at(when),
            Traits(join_scene=1),
        )
        for one, when in joined.items()
    }
    return Observed(CHAT, at(second), name, UserId(owner), "", (), at(0), version, members)


def refused(second: float, why: Unreadable = Unreadable.UNKNOWN) -> NotObserved:
    return NotObserved(CHAT, at(second), why)


def applied(before: Recorded, plan: ChatPlan) -> Recorded:
    """What is recorded once a plan is written."""
    stays = {one: {stay.number: stay for stay in known} for one, known in before.stays.items()}
    for stay in plan.stays:
        stays.setdefault(stay.member_id, {})[stay.number] = stay
    return Recorded(
        plan.chat or before.chat, {one: tuple(known[n] for n in sorted(known)) for one, known in stays.items()}
    )


def after(*steps: tuple[Observed | NotObserved, Sequence[Evidence]], before: Recorded | None = None) -> Recorded:
    """What is recorded after these reads, each with the evidence known at its time."""
    known = before or Recorded()
    for observed, evidence in steps:
        known = applied(known, plan_chat(observed, known, evidence, zone=ZONE))
    return known


def stays_of(record: Recorded, member: str) -> list[tuple[float | None, float | None, str | None, int | None]]:
    """A member's stays in time: (joined, left, left by, quit scene)."""
    ordered = sorted(record.stays.get(member, ()), key=lambda one: (one.left_at or at(10**9), one.joined_at or DAY))
    return [
        (second_of(one.joined_at), second_of(one.left_at), one.left_by and one.left_by.value, one.quit_scene)
        for one in ordered
    ]


def facts_of(plan: ChatPlan) -> list[tuple[object, ...]]:
    """The facts as (type, member or nothing, second)."""
    return [(one.TYPE, getattr(one, "member_id", None), second_of(one.occurred_at)) for one in plan.facts]
