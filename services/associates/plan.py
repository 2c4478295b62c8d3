"""What a read of a member or department, what is recorded of it and the events about it amount to. Pure.

Leaving needs something that says so: an event that a read bears out, the status of a leaver, or contact sync, which
sees everybody, not knowing them. Whom the app merely may not read is out of sight.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from services.associates.model import (
    LEFT,
    Absence,
    Associate,
    AssociateFact,
    AssociateInSight,
    AssociateJoined,
    AssociateLeft,
    AssociateMoved,
    AssociateOutOfSight,
    AssociateReturned,
    Evidence,
    EvidenceKind,
    ObservedAssociate,
    RecordedAssociate,
)
from shared.ids import UserId

SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=1)
MOVES = ("main_department_id", "department_ids", "leader_in", "direct_leaders")
"""Fields of which a change is a move."""


@dataclass(frozen=True)
class Lags:
    """How far WeCom's reads may be behind its events: they may still show who was deleted, or not yet who is new."""

    deletion: timedelta = timedelta(minutes=10)
    addition: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class News:
    """What counts as new: what an event said after `since` (when the corp was added), and, once a full pass has seen
    the whole directory (`complete`), whatever was not known before."""

    since: datetime | None = None
    complete: bool = False


@dataclass(frozen=True)
class AssociatePlan:
    """What to write of one associate. Empty when everything is as recorded. `departed`: they have left just now."""

    userid: UserId
    row: RecordedAssociate | None = None
    facts: tuple[AssociateFact, ...] = ()
    departed: bool = False
    look_again_at: datetime | None = None


@dataclass(frozen=True)
class Word:
    """The last word of the events about one subject, as far as no later read has settled it."""

    created_at: datetime | None
    deleted_at: datetime | None


def last_word(evidence: Sequence[Evidence], *, seen_at: datetime | None, lags: Lags) -> Word:
    """A deletion does not count after a later creation, nor when a read beyond the lag shows its subject."""
    created = max((one.occurred_at for one in evidence if one.kind is EvidenceKind.CREATED), default=None)
    deleted = max((one.occurred_at for one in evidence if one.kind is EvidenceKind.DELETED), default=None)
    if deleted is not None and (created is not None and created > deleted):
        deleted = None
    if deleted is not None and seen_at is not None and seen_at - deleted >= lags.deletion:
        deleted = None
    return Word(created, deleted)


def wait_until(observed_at: datetime, event_at: datetime, lag: timedelta) -> datetime | None:
    """When to look again at what a read does not show as an event said; None when the lag is over.

    The waits grow with the event's age.
    """
    age = observed_at - event_at
    if age >= lag:
        return None
    return observed_at + min(max(age, SHORTEST_WAIT), LONGEST_WAIT)


def plan_associate(
    observed: ObservedAssociate,
    recorded: RecordedAssociate | None,
    evidence: Sequence[Evidence],
    *,
    hidden: Collection[int] = (),
    lags: Lags = Lags(),
    news: News = News(),
) -> AssociatePlan:
    """Decide what becomes of one member; plan, apply, plan again is empty.

    `hidden`: departments out of the app's sight, of which a read of a member says nothing.
    """
    if recorded is not None and observed.observed_at < recorded.observed_at:
        return AssociatePlan(observed.userid)
    if recorded is not None and recorded.renamed_to is not None:
        told = any(one.kind is EvidenceKind.CREATED for one in evidence)
        wait = None if told else wait_until(observed.observed_at, recorded.observed_at, lags.deletion)
        if observed.associate is None or wait is not None:
            return AssociatePlan(observed.userid, look_again_at=wait if observed.associate else None)
        recorded = None  # somebody else has the old userid now
    word = last_word(evidence, seen_at=recorded.seen_at if recorded else None, lags=lags)
    if observed.associate is not None:
        desired, look_again_at = _shown(observed, observed.associate, recorded, word, hidden=hidden, lags=lags)
    else:
        desired, look_again_at = _not_shown(observed, recorded, word, lags=lags)
    if desired is None:
        return AssociatePlan(observed.userid, look_again_at=look_again_at)
    desired = _told(desired, recorded, word, news)
    if recorded is not None and _same(desired, recorded):
        row = desired if _settles_evidence(desired, recorded, evidence, lags) else None
        return AssociatePlan(observed.userid, row, look_again_at=look_again_at)
    return AssociatePlan(
        observed.userid,
        desired,
        _facts(desired, recorded, word),
        departed=desired.gone_at is not None and (recorded is None or recorded.gone_at is None),
        look_again_at=look_again_at,
    )


def _shown(
    observed: ObservedAssociate,
    associate: Associate,
    recorded: RecordedAssociate | None,
    word: Word,
    *,
    hidden: Collection[int],
    lags: Lags,
) -> tuple[RecordedAssociate | None, datetime | None]:
    known = recorded or RecordedAssociate(Associate(observed.userid), observed.observed_at)
    merged = merge_associate(known.associate, associate, hidden=hidden)
    at = observed.observed_at
    if associate.status == LEFT:
        gone_at = word.deleted_at or known.gone_at or at
        left = replace(known, associate=merged, in_sight=False, has_contact=False, gone_at=gone_at)
        return replace(left, observed_at=at), None
    look_again_at = wait_until(at, word.deleted_at, lags.deletion) if word.deleted_at else None
    if look_again_at is not None and known.gone_at is not None:
        return None, look_again_at
    return replace(known, associate=merged, observed_at=at, seen_at=at, in_sight=True, gone_at=None), look_again_at


def _not_shown(
    observed: ObservedAssociate, recorded: RecordedAssociate | None, word: Word, *, lags: Lags
) -> tuple[RecordedAssociate | None, datetime | None]:
    at, absence = observed.observed_at, observed.absence
    known = recorded or RecordedAssociate(Associate(observed.userid), at)
    wait = _wait_for_absence(observed, known, word, lags)
    if wait is not None:
        return None, wait
    seen_at, gone_at = known.seen_at, known.gone_at
    if gone_at is not None and word.deleted_at is None and word.created_at is not None and word.created_at > gone_at:
        gone_at = None  # they are back, and the app may not read them
    if absence is Absence.ELSEWHERE:
        seen_at, gone_at = at, None
    elif absence is Absence.NOWHERE:
        gone_at = word.deleted_at or gone_at or at
    elif absence is Absence.UNKNOWN:
        gone_at = word.deleted_at or gone_at
    hidden = replace(known, in_sight=False, has_contact=False, gone_at=gone_at)
    return replace(hidden, observed_at=at, seen_at=seen_at), None


def _wait_for_absence(observed: ObservedAssociate, known: RecordedAssociate, word: Word, lags: Lags) -> datetime | None:
    """When to look again at somebody whom an event told of and a read does not show, or the other way round."""
    if word.deleted_at is None and word.created_at is not None:
        unseen = known.seen_at is None or known.seen_at < word.created_at
        return wait_until(observed.observed_at, word.created_at, lags.addition) if unseen else None
    if observed.absence in (Absence.HIDDEN, Absence.ELSEWHERE) and word.deleted_at is not None:
        return wait_until(observed.observed_at, word.deleted_at, lags.deletion)
    return None


def _told(desired: RecordedAssociate, recorded: RecordedAssociate | None, word: Word, news: News) -> RecordedAssociate:
    """With the time at which somebody new joined."""
    joined_at = recorded.joined_at if recorded else None
    if word.created_at is not None and news.since is not None and word.created_at >= news.since:
        joined_at = word.created_at
    elif joined_at is None and news.complete and desired.in_sight and (recorded is None or recorded.seen_at is None):
        joined_at = desired.observed_at
    return replace(desired, joined_at=joined_at)


def _same(desired: RecordedAssociate, recorded: RecordedAssociate) -> bool:
    return replace(desired, observed_at=recorded.observed_at, seen_at=recorded.seen_at) == recorded


def _settles_evidence(
    desired: RecordedAssociate, recorded: RecordedAssociate, evidence: Sequence[Evidence], lags: Lags
) -> bool:
    """Whether that this read showed them is worth a row: the first time, and when it speaks against an event."""
    if desired.seen_at == recorded.seen_at or desired.seen_at is None:
        return False
    unsettled_since = None if recorded.seen_at is None else recorded.seen_at - lags.deletion
    return unsettled_since is None or any(one.occurred_at > unsettled_since for one in evidence)


def _facts(desired: RecordedAssociate, recorded: RecordedAssociate | None, word: Word) -> tuple[AssociateFact, ...]:
    userid, at = desired.associate.userid, desired.observed_at
    facts: list[AssociateFact] = []
    was_gone = recorded is not None and recorded.gone_at is not None
    if desired.joined_at is not None and not was_gone and (recorded is None or recorded.joined_at is None):
        facts.append(
            AssociateJoined(
                occurred_at=desired.joined_at,
                userid=userid,
                evidenced=desired.joined_at == word.created_at,
                main_department_id=desired.associate.main_department_id,
            )
        )
    if desired.gone_at is not None and not was_gone and (recorded is not None or word.deleted_at is not None):
        evidenced = desired.gone_at == word.deleted_at
        facts.append(AssociateLeft(occurred_at=desired.gone_at, userid=userid, evidenced=evidenced))
    if recorded is None:
        return tuple(facts)
    if was_gone and desired.gone_at is None:
        facts.append(AssociateReturned(occurred_at=word.created_at or at, userid=userid))
    elif desired.gone_at is None and desired.in_sight is not recorded.in_sight:
        kind = AssociateInSight if desired.in_sight else AssociateOutOfSight
        facts.append(kind(occurred_at=at, userid=userid))
    move = _move(recorded.associate, desired.associate, at=at)
    return tuple([*facts, move] if move else facts)


def _move(before: Associate, after: Associate, *, at: datetime) -> AssociateMoved | None:
    changed = tuple(
        name
        for name in MOVES
        if getattr(before, name) is not None and _comparable(before, name) != _comparable(after, name)
    )
    if not changed:
        return None
    places: dict[str, Any] = {f"from_{name}": getattr(before, name) for name in MOVES}
    places |= {f"to_{name}": getattr(after, name) for name in MOVES}
    return AssociateMoved(occurred_at=at, userid=after.userid, changed=changed, **places)


def _comparable(associate: Associate, name: str) -> object:
    """The order of direct leaders means something, that of departments nothing."""
    value = getattr(associate, name)
    return frozenset(value or ()) if name in ("department_ids", "leader_in") else value


def merge_associate(before: Associate, after: Associate, *, hidden: Collection[int] = ()) -> Associate:
    """`after` where it states something, else `before`.

    A read leaves out the departments that the app may not see, so what is known of those stays.
    """
    stated = {f.name: getattr(after, f.name) for f in fields(Associate) if getattr(after, f.name) is not None}
    if not after.department_ids:  # everybody is somewhere: an empty list is a withheld one, and the flags run beside it
        stated.pop("department_ids", None)
        stated.pop("leader_in", None)
    for name in ("department_ids", "leader_in"):
        if name in stated:
            kept = {one for one in getattr(before, name) or () if one in hidden}
            stated[name] = tuple(sorted({*stated[name], *kept}))
    stated["main_department_id"] = after.main_department_id or _likely_main(before, after)
    return replace(before, **stated)


def _likely_main(before: Associate, after: Associate) -> int | None:
    """The main department of a read that withholds it: the known one, unless they have left that one."""
    known, departments = before.main_department_id, after.department_ids or ()
    if known is not None and (not departments or known in departments or known not in (before.department_ids or ())):
        return known
    return departments[0] if departments else known


def superior_of(associate: Associate, main_outlet_leaders: Sequence[str]) -> UserId | None:
    """The first direct leader, else the first leader of the main department; nobody is their own superior."""
    for userid in (*(associate.direct_leaders or ()), *main_outlet_leaders):
        if userid != associate.userid:
            return UserId(userid)
    return None
