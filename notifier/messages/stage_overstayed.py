"""Tell associate and administrators that a customer is in a stage for as many days as were set (STG-2)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import STAGE_OVERSTAYED
from services.planning import Fact
from services.watching.model import CustomerStageOverstayed
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, CustomerStageOverstayed)
    whose = recipient if fact.userid is None else fact.userid
    return {
        "customer": people.known(fact.customer_id, whose),
        "stage": people.stage(fact.stage_id),
        "since_at": fact.entered_at,
        "days": str(fact.days),
        "owner": people.associate(fact.userid) if fact.userid else "",
    }


SPEC = MessageSpec(STAGE_OVERSTAYED, values)
