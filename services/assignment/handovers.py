"""Which handover moved a customer, and when the new owner had them. Pure.

An end that WeCom calls a transfer, or the friendship that follows a request for a leaver's customer, is matched with
the request that explains it. So the assignment does not depend on whether the event or our own look told first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.assignment.model import Handover
from services.customers.model import Friendship, Relation, State
from shared.ids import UserId

SKEW = timedelta(minutes=10)
"""WeCom's clock and ours may differ by so much; the next handover of a customer is a day away."""


@dataclass(frozen=True)
class Taken:
    """A handover that took place: at `at` the new owner had the customer. `ended_at`: the end of the giver's
    friendship that it explains; None for a giver who had left before. `done`: WeCom's results say so.

    `transfer_id`: None until it is certain that the handover did it; so long the customer may have come by themselves.
    """

    transfer_id: int | None
    from_userid: UserId
    to_userid: UserId
    at: datetime
    by: str
    ended_at: datetime | None
    done: bool


UNDECIDED: Final[list[Taken]] = []
"""A handover ended the giver's friendship, and the new owner is still to show. Compared by identity."""


def taken_over(relations: Mapping[UserId, Relation], handovers: Sequence[Handover]) -> Sequence[Taken]:
    """The handovers that took place, as the relations show; `UNDECIDED` when it is too early to tell."""
    found = []
    for relation in relations.values() if handovers else ():
        for one in relation.friendships:
            if one.ended_by is not State.TRANSFERRED or one.ended_at is None:
                continue
            handover = _behind(handovers, relation.userid, one.ended_at)
            if handover is None:
                continue
            theirs = _friendship_at(relations.get(handover.to_userid), one.ended_at)
            if theirs is not None and theirs.started_at is not None:
                at = max(one.ended_at, theirs.started_at)
                found.append(_taken(handover, at, ended_at=one.ended_at, done=True))
            elif handover.expected:
                return UNDECIDED
    for handover in (one for one in handovers if one.departed):
        at_last = _since(relations.get(handover.to_userid), handover)
        if at_last is not None:
            found.append(_taken(handover, at_last, ended_at=None, done=handover.done_at is not None))
    return tuple(found)


def _taken(one: Handover, at: datetime, *, ended_at: datetime | None, done: bool) -> Taken:
    return Taken(one.transfer_id if done else None, one.from_userid, one.to_userid, at, one.by, ended_at, done)


def _behind(handovers: Sequence[Handover], giver: UserId, ended_at: datetime) -> Handover | None:
    """The last one that was asked for before this end."""
    earlier = [
        one for one in handovers if not one.departed and one.from_userid == giver and one.since - SKEW <= ended_at
    ]
    return max(earlier, key=lambda one: one.since, default=None)


def _friendship_at(relation: Relation | None, at: datetime) -> Friendship | None:
    """The friendship that lasts then, or begins soon after."""
    for one in relation.friendships if relation else ():
        begun = one.started_at is not None and one.started_at <= at + SKEW
        if begun and (one.ended_at is None or one.ended_at > at):
            return one
    return None


def _since(relation: Relation | None, handover: Handover) -> datetime | None:
    """When the new owner of a leaver's customer had them: a friendship that began since, or the time that WeCom says
    where they were friends before.
    """
    earliest = handover.since - SKEW
    if handover.done_at is None:
        begun = [one.started_at for one in relation.friendships if one.started_at] if relation else []
        return min((at for at in begun if at >= earliest), default=None)
    theirs = _friendship_at(relation, handover.done_at)
    if theirs is None or theirs.started_at is None:
        return None
    return theirs.started_at if theirs.started_at >= earliest else handover.done_at
