"""Tell the former associate that a customer was reassigned (ASG-5: both are told)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.assignment.model import CustomerReassigned
from services.notices.model import REASSIGNED_AWAY
from services.planning import Fact
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, CustomerReassigned)
    return {
        "customer": people.customer(fact.external_userid, fact.from_userid),
        "owner": people.associate(fact.from_userid),
        "associate": people.associate(fact.to_userid),
        "why": fact.why,
    }


SPEC = MessageSpec(REASSIGNED_AWAY, values)
