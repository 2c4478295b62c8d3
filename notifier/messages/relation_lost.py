"""Tell the associate that a customer removed them (LOSS-1), and those above by setting (LOSS-2).

Only a new friend request brings them back (ASG-7).
"""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.customers.model import RelationLost
from services.notices.model import RELATION_LOST
from services.planning import Fact
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, RelationLost)
    return {
        "customer": people.customer(fact.external_userid, fact.userid),
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(RELATION_LOST, values)
