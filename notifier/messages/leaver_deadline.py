"""Tell administrators that what a leaver left behind can be handed over for some days only (TRF-6)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import LEAVER_DEADLINE
from services.planning import Fact
from services.watching.model import LeaverDeadline
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, LeaverDeadline)
    return {
        "leaver": people.associate(fact.userid),
        "until": fact.until,
        "days": str(fact.days_left),
        "customers": str(fact.customer_count or ""),
        "chats": str(fact.chat_count or ""),
    }


SPEC = MessageSpec(LEAVER_DEADLINE, values, page="leavers")
