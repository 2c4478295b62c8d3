"""Tell the associate, and by setting those above, that a customer is in another stage (STG-3)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import STAGE_CHANGED
from services.planning import Fact
from services.stages.model import CustomerStageChanged
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, CustomerStageChanged)
    return {
        "customer": people.known(fact.customer_id, recipient),
        "left": people.stage(fact.from_stage_id) if fact.from_stage_id else "",
        "entered": people.stage(fact.to_stage_id) if fact.to_stage_id else "",
    }


SPEC = MessageSpec(STAGE_CHANGED, values)
