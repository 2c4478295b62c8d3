"""Tell the responsible associate that a step of an SOP is due, with the words ready to send (SOP-1, SOP-2)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import SOP_STEP
from services.planning import Fact
from services.sops.model import SopStepDue
from services.sops.words import ready
from shared.ids import ExternalUserId, UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    """The customer as the responsible associate knows them, whoever reads it."""
    assert isinstance(fact, SopStepDue)
    known = people.customer(ExternalUserId(fact.external_userid), fact.userid) if fact.external_userid else ""
    words = {name: people.words.get(name, "") for name in ("rule", "chat", "content", "attachments")}
    said = ready(words["content"], people.words, customer=known, associate=people.associate(fact.userid))
    return words | {"content": said, "whom": words["chat"] or known}


SPEC = MessageSpec(SOP_STEP, values)
