"""Tell an associate that the company has given them customers to add: how many, in one message (POOL-7)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import POOL_GIVEN
from services.planning import Fact
from services.pool.model import PoolCustomersGiven
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, PoolCustomersGiven)
    return {
        "count": str(fact.count),
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(POOL_GIVEN, values, page="to-add")
