"""Tell the associate, and by switch those above, that a step of an SOP is not confirmed in time (SOP-5)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import SOP_OVERDUE
from services.planning import Fact
from services.sops.model import SopStepOverdue
from shared.ids import ExternalUserId, UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, SopStepOverdue)
    known = people.customer(ExternalUserId(fact.external_userid), fact.userid) if fact.external_userid else ""
    words = {name: people.words.get(name, "") for name in ("rule", "chat")}
    whose = "" if recipient == fact.userid else people.associate(fact.userid)
    return words | {"whom": words["chat"] or known, "whose": whose}


SPEC = MessageSpec(SOP_OVERDUE, values)
