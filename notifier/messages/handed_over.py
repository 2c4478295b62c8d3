"""Tell the associate before that what they had is another one's now (ASG-5: both are told)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import HANDED_OVER
from services.planning import Fact
from services.transfers.model import TakeoverDone
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, TakeoverDone)
    return {
        "customer": people.customer(fact.external_userid, fact.from_userid) if fact.external_userid else "",
        "associate": people.associate(fact.to_userid),
        "owner": people.associate(fact.from_userid),
        "kind": fact.kind,
        "count": str(fact.count),
    }


SPEC = MessageSpec(HANDED_OVER, values)
