"""Differences of group chats and who is in them. Pure."""

from services.differences.model import MEMBER, Difference, Outlook, difference
from services.groups.model import CHAT, ChatMemberFact, Recorded, Stay
from services.groups.plan import ChatPlan

DETAILS = (
    *("name", "owner", "notice", "admins", "created_at", "member_version", "member_count"),
    *("dismissed_at", "out_of_sight_at"),
)
STAY = ("joined_at", "joined_by", "left_at", "left_by", "quit_scene", "traits")


def outlook(plan: ChatPlan, recorded: Recorded) -> Outlook:
    found: list[Difference | None] = []
    if plan.chat is not None:
        told = [fact.TYPE for fact in plan.facts if not isinstance(fact, ChatMemberFact)]
        before = recorded.chat if recorded.chat is not None and recorded.chat.observed_at is not None else None
        found.append(difference(CHAT, plan.chat_id, before, plan.chat, DETAILS, facts=told))
    for stay in plan.stays:
        found.append(
            difference(
                MEMBER, plan.chat_id, _before(recorded, stay), stay, STAY, part=stay.member_id, facts=_told(plan, stay)
            )
        )
    return Outlook(tuple(one for one in found if one is not None), plan.look_again_at)


def _before(recorded: Recorded, stay: Stay) -> Stay | None:
    return next((one for one in recorded.stays.get(stay.member_id, ()) if one.number == stay.number), None)


def _told(plan: ChatPlan, stay: Stay) -> list[str]:
    return [fact.TYPE for fact in plan.facts if isinstance(fact, ChatMemberFact) and fact.member_id == stay.member_id]
