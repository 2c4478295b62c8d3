"""What settles the matter of a notice elsewhere, so that its card says what holds. Pure.

Reasons are what notices stand for (services/notices/model.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.customers.model import RelationStarted
from services.planning import Fact
from services.pool.model import PoolAdded, PoolAssigned, PoolReturned, PoolUnreachable
from services.sops.model import SopStepDone
from shared.ids import ExternalUserId, UserId

UPDATE = "card_update"
"""The notice of rows that change a card; no fact has it."""
CODE_LASTS = timedelta(hours=72)
"""For so long a response code changes the card, once. Source: WeCom server API, page 94945."""


class Says(StrEnum):
    """What holds, which is what a card says from then on."""

    ADDED = "added"
    UNREACHABLE = "unreachable"
    TASK_MADE = "task_made"
    CAME_BACK = "came_back"
    DONE = "done"
    NOT_THEIRS = "not_theirs"
    NOTHING_TO_DO = "nothing_to_do"


def lost(userid: UserId, external_userid: ExternalUserId) -> str:
    return f"lost:{userid}:{external_userid}"


def to_add(userid: UserId, customer_id: int) -> str:
    return f"to_add:{userid}:{customer_id}"


OF_CUSTOMERS = ("to_add", "stage", "contact")
"""Kinds of reasons that end in the id of a customer."""


def customer_of(reason: str) -> tuple[str, int] | None:
    """What stands before the customer's id, and that; None: the reason names none."""
    before, _, customer_id = reason.rpartition(":")
    return (before, int(customer_id)) if reason.partition(":")[0] in OF_CUSTOMERS else None


@dataclass(frozen=True)
class Settled:
    """`before`: of what happened before then; None: whenever it happened."""

    says: Says
    before: datetime | None = None


def settled(facts: Iterable[Fact]) -> dict[str, Settled]:
    """What holds now of which reasons, because of these facts; the last one counts."""
    found: dict[str, Settled] = {}
    for fact in facts:
        if isinstance(fact, RelationStarted):
            came_back = Settled(Says.CAME_BACK, fact.occurred_at)
            found[lost(fact.userid, fact.external_userid)] = came_back
        else:
            found |= {reason: Settled(says) for reason, says in _settled_by(fact).items()}
    return found


def _settled_by(fact: Fact) -> Mapping[str, Says]:
    match fact:
        case PoolAdded():
            whose = {one for one in (fact.userid, fact.from_userid) if one is not None}
            return {to_add(one, fact.customer_id): Says.ADDED for one in whose}
        case PoolUnreachable() if fact.userid is not None:
            return {to_add(fact.userid, fact.customer_id): Says.UNREACHABLE}
        case PoolReturned() | PoolAssigned() if fact.from_userid is not None:
            return dict.fromkeys((to_add(fact.from_userid, one) for one in fact.customer_ids), Says.NOT_THEIRS)
        case SopStepDone():
            return {fact.reason: Says.DONE}
        case _:
            return {}
