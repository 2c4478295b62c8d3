"""Tell the associate that a customer has become their friend."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.customers.model import RelationStarted
from services.notices.model import NEW_CUSTOMER
from services.planning import Fact
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, RelationStarted)
    return {
        "customer": people.customer(fact.external_userid, fact.userid),
        "channel": fact.add_state or "",
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(NEW_CUSTOMER, values)
