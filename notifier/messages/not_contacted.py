"""Tell the associate that nobody was in contact with a customer for as many days as were set (STG-2, SOP-7)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import NOT_CONTACTED
from services.planning import Fact
from services.watching.model import CustomerNotContacted
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, CustomerNotContacted)
    return {
        "customer": people.known(fact.customer_id, fact.userid),
        "days": str(fact.days),
        "source": fact.source or "",
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(NOT_CONTACTED, values)
