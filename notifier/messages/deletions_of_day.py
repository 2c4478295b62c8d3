"""Tell administrators each morning how many customers associates have removed, and who removed most (LOSS-3)."""

from collections.abc import Mapping

from notifier.messages import MessageSpec, People
from services.notices.model import DELETIONS_OF_DAY
from services.planning import Fact
from services.watching.model import NAMED, DeletionsOfDay
from shared.ids import UserId


def values(fact: Fact, recipient: UserId, people: People) -> Mapping[str, str]:
    assert isinstance(fact, DeletionsOfDay)
    words = {"count": str(fact.count), "more": str(max(0, fact.associate_count - len(fact.top_userids)) or "")}
    for number in range(NAMED):
        there = number < len(fact.top_userids)
        words[f"name{number + 1}"] = people.associate(UserId(fact.top_userids[number])) if there else ""
        words[f"count{number + 1}"] = str(fact.top_counts[number]) if there else ""
    return words


SPEC = MessageSpec(DELETIONS_OF_DAY, values, page="deleted")
