"""Whether reads bear out that a member has another userid, and what two rows of one relation amount to. Pure."""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.associates.model import ObservedAssociate, Renaming
from services.associates.plan import Lags, wait_until
from services.customers.friendships import points_of, replay, told_by
from services.customers.model import End, Notes, Relation, State

READ_ENDS = frozenset({State.ENDED_BY_ASSOCIATE, State.ASSOCIATE_LEFT})
"""How a friendship seems to end when only its associate's userid did."""
SLACK = timedelta(seconds=1)
"""WeCom's times are whole seconds."""


class Verdict(StrEnum):
    TRUE = "true"
    WAIT = "wait"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    look_again_at: datetime | None = None


def judge_renaming(
    renaming: Renaming,
    old: ObservedAssociate,
    new: ObservedAssociate,
    *,
    taken_at: datetime | None,
    lags: Lags,
) -> Judgement:
    """The event is believed unless reads go on showing the old userid and nobody is known to have got it since.

    `taken_at`: when an event said that the old userid is somebody's again.
    """
    at = max(old.observed_at, new.observed_at)
    still_there = old.associate is not None and old.associate.userid == renaming.old
    if still_there and not (taken_at is not None and taken_at > renaming.at):
        wait = wait_until(at, renaming.at, lags.deletion)
        return Judgement(Verdict.REFUTED if wait is None else Verdict.WAIT, wait)
    wait = None if new.associate is not None else wait_until(at, renaming.at, lags.addition)
    return Judgement(Verdict.TRUE if wait is None else Verdict.WAIT, wait)


def merge_relations(old: Relation, new: Relation, *, renamed_at: datetime) -> Relation:
    """One relation out of two rows, of the old and of the new userid.

    An end that only a read told, after the member had the new userid, was no end. What the later row says of remark
    and tags is newer.
    """
    old_starts, old_ends = points_of(old.friendships)
    starts, ends = points_of(new.friendships)
    starts |= old_starts
    ends |= {end for end in old_ends if not _seeming(end, renamed_at)}
    friendships = replay(starts, ends)
    half_at = max((one for one in (old.half_at, new.half_at) if one is not None), default=None)
    before, after = old.told or told_by(old.friendships), new.told or told_by(new.friendships)
    told = replace(before, starts=before.starts | after.starts, ends=before.ends | after.ends)
    return Relation(
        userid=new.userid,
        state=_state(old, new, Relation(new.userid, new.state, friendships, half_at)),
        friendships=friendships,
        half_at=half_at,
        notes=_notes(old.notes, new.notes),
        told=None if told == told_by(friendships) else told,
    )


def _seeming(end: End, renamed_at: datetime) -> bool:
    return end.by in READ_ENDS and end.at >= renamed_at - SLACK


def _state(old: Relation, new: Relation, merged: Relation) -> State:
    if merged.present is not None:
        return State.OUT_OF_SIGHT if new.state is State.OUT_OF_SIGHT and old.state is not State.ACTIVE else State.ACTIVE
    ended_at = merged.friendships[-1].ended_at if merged.friendships else None
    half = merged.half_at is not None and State.HALF in (old.state, new.state)
    if half and merged.half_at is not None and (ended_at is None or merged.half_at > ended_at):
        return State.HALF
    last = merged.friendships[-1].ended_by if merged.friendships else None
    return last or new.state


def _notes(before: Notes, after: Notes) -> Notes:
    stated = {f.name: getattr(after, f.name) for f in fields(Notes) if getattr(after, f.name) is not None}
    return replace(before, **stated)
