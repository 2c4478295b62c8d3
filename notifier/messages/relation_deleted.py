"""Tell administrators that an associate removed a customer (LOSS-3)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.customers.model import RelationDeleted
from services.notices.model import RELATION_DELETED
from services.planning import Fact
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, RelationDeleted)
    return {
        "customer": people.customer(fact.external_userid, fact.userid),
        "owner": people.associate(fact.userid),
    }


SPEC = MessageSpec(RELATION_DELETED, values)
