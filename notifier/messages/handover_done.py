"""Tell who asked for a handover that it is done (TRF-4)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import HANDOVER_DONE
from services.planning import Fact
from services.transfers.model import TakeoverDone
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, TakeoverDone)
    return {
        "customer": people.customer(fact.external_userid, recipient) if fact.external_userid else "",
        "giver": people.associate(fact.from_userid),
        "taker": people.associate(fact.to_userid),
        "kind": fact.kind,
        "count": str(fact.count),
    }


SPEC = MessageSpec(HANDOVER_DONE, values)
