"""Tell who asked for a handover that it was refused or came to nothing (TRF-4)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import HANDOVER_FAILED
from services.planning import Fact
from services.transfers.model import TakeoverFailed
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, TakeoverFailed)
    return {
        "customer": people.customer(fact.external_userid, recipient) if fact.external_userid else "",
        "giver": people.associate(fact.from_userid),
        "associate": people.associate(fact.to_userid),
        "kind": fact.kind,
        "count": str(fact.refused_count + fact.limit_count + fact.failed_count),
        "refused": str(fact.refused_count or ""),
        "limit": str(fact.limit_count or ""),
        "failed": str(fact.failed_count or ""),
    }


SPEC = MessageSpec(HANDOVER_FAILED, values)
