"""Tell the new owner what was handed over to them: one customer by name, or how many customers or chats (TRF-4)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import TAKEN_OVER
from services.planning import Fact
from services.transfers.model import TakeoverDone
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, TakeoverDone)
    return {
        "customer": people.customer(fact.external_userid, fact.to_userid) if fact.external_userid else "",
        "associate": people.associate(fact.from_userid),
        "owner": people.associate(fact.to_userid),
        "kind": fact.kind,
        "count": str(fact.count),
    }


SPEC = MessageSpec(TAKEN_OVER, values)
