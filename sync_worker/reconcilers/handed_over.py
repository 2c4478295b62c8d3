"""What handovers mean to the contacts that they are about: whose absence is explained, who takes over, what is news."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.assignment.handovers import SKEW
from services.assignment.model import Handover
from services.customers.model import RelationStarted
from services.planning import Fact
from services.transfers.model import Stage, Transfer
from shared.ids import UserId

Transfers = Mapping[str, Sequence[Transfer]]
"""By external_userid: all that WeCom has, may have or may yet carry out."""


def givers_under_way(transfers: Collection[Transfer]) -> frozenset[UserId]:
    """Associates from whom WeCom may take the contact at any moment."""
    return frozenset(one.from_userid for one in transfers if one.may_be_under_way and not one.departed)


def handovers_of(transfers: Collection[Transfer], *, now: datetime, lag: timedelta) -> list[Handover]:
    """As assignment sees them; `lag`: how long a new friendship may be missing from reads."""
    return [
        Handover(
            transfer_id=one.id,
            from_userid=one.from_userid,
            to_userid=one.to_userid,
            since=one.sent_at,
            by=one.author,
            done_at=one.effect_at if one.stage is Stage.DONE else None,
            departed=one.departed,
            expected=one.is_open or (one.ended_at is not None and now < one.ended_at + lag),
        )
        for one in transfers
        if one.sent_at is not None
    ]


def told_by_handover(facts: Sequence[Fact], transfers: Collection[Transfer]) -> list[Fact]:
    """The facts, those of friendships that a handover made naming it.

    While its outcome is open, a friendship with the new owner may be the customer's own doing, and the handover may
    come to nothing: it explains the friendship when it is done, or has ended the giver's (TRF-4).
    """
    return [_named(fact, transfers) if isinstance(fact, RelationStarted) else fact for fact in facts]


def _named(fact: RelationStarted, transfers: Collection[Transfer]) -> RelationStarted:
    for one in transfers:
        if one.to_userid != fact.userid or one.sent_at is None:
            continue
        moved = one.effect_at if one.stage is Stage.DONE else one.moved_at
        if moved is None or moved < one.sent_at - SKEW:
            continue
        if one.sent_at - SKEW <= fact.occurred_at <= moved + SKEW:
            return replace(fact, transfer_id=one.id)
    return fact
