"""What a read of a department, what is recorded of it and the events about it amount to. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from services.associates.model import (
    Absence,
    Evidence,
    ObservedOutlet,
    Outlet,
    OutletAdded,
    OutletChanged,
    OutletFact,
    OutletRemoved,
    RecordedOutlet,
)
from services.associates.plan import Lags, News, Word, last_word, wait_until
from shared.ids import UserId

CHANGES = ("name", "parent_id", "leaders")
"""Fields of which a change is a fact; the order among sisters is only kept."""


@dataclass(frozen=True)
class OutletPlan:
    """What to write of one outlet. Empty when everything is as recorded. `removed`: just now."""

    department_id: int
    row: RecordedOutlet | None = None
    facts: tuple[OutletFact, ...] = ()
    removed: bool = False
    look_again_at: datetime | None = None


def plan_outlet(
    observed: ObservedOutlet,
    recorded: RecordedOutlet | None,
    evidence: Sequence[Evidence],
    *,
    lags: Lags,
    news: News,
    hidden: Collection[UserId] = (),
) -> OutletPlan:
    """Decide what becomes of one department; plan, apply, plan again is empty.

    `hidden`: leaders out of the app's sight, whom a read of a department leaves out.
    """
    at, absence = observed.observed_at, observed.absence
    if recorded is not None and at < recorded.observed_at:
        return OutletPlan(observed.department_id)
    known = recorded or RecordedOutlet(Outlet(observed.department_id), at)
    word = last_word(evidence, seen_at=None, lags=lags)
    wait = _wait(observed, recorded, word, lags)
    if wait is not None:
        return OutletPlan(observed.department_id, look_again_at=wait)
    if observed.outlet is not None:
        merged = merge_outlet(known.outlet, observed.outlet, hidden=hidden)
        desired = replace(known, outlet=merged, in_sight=True, gone_at=None)
    elif absence is Absence.HIDDEN:
        desired = replace(known, in_sight=False)
    else:
        desired = replace(known, in_sight=False, gone_at=known.gone_at or word.deleted_at or at)
    desired = _told(replace(desired, observed_at=at), recorded, word, news)
    if recorded is not None and replace(desired, observed_at=recorded.observed_at) == recorded:
        return OutletPlan(observed.department_id)
    facts = _facts(desired, recorded, word)
    removed = desired.gone_at is not None and (recorded is None or recorded.gone_at is None)
    return OutletPlan(observed.department_id, desired, facts, removed)


def _wait(observed: ObservedOutlet, recorded: RecordedOutlet | None, word: Word, lags: Lags) -> datetime | None:
    """When to look again, because the read may be behind an event."""
    at = observed.observed_at
    if observed.outlet is not None:
        return wait_until(at, word.deleted_at, lags.deletion) if word.deleted_at is not None else None
    if word.created_at is None or word.deleted_at is not None:
        return None
    known = recorded is not None and recorded.gone_at is None
    return None if known else wait_until(at, word.created_at, lags.addition)


def _told(desired: RecordedOutlet, recorded: RecordedOutlet | None, word: Word, news: News) -> RecordedOutlet:
    added_at = recorded.added_at if recorded else None
    if word.created_at is not None and news.since is not None and word.created_at >= news.since:
        added_at = word.created_at
    elif added_at is None and news.complete and desired.in_sight and recorded is None:
        added_at = desired.observed_at
    return replace(desired, added_at=added_at)


def _facts(desired: RecordedOutlet, recorded: RecordedOutlet | None, word: Word) -> tuple[OutletFact, ...]:
    id_, at = desired.outlet.department_id, desired.observed_at
    facts: list[OutletFact] = []
    was_gone = recorded is not None and recorded.gone_at is not None
    is_new = desired.added_at is not None and (recorded is None or recorded.added_at is None)
    if is_new or (was_gone and desired.gone_at is None):
        added_at = (desired.added_at if is_new else word.created_at) or at
        evidenced, parent_id = added_at == word.created_at, desired.outlet.parent_id
        facts.append(OutletAdded(occurred_at=added_at, department_id=id_, evidenced=evidenced, parent_id=parent_id))
    if desired.gone_at is not None and not was_gone and (recorded is not None or word.deleted_at is not None):
        evidenced = desired.gone_at == word.deleted_at
        facts.append(OutletRemoved(occurred_at=desired.gone_at, department_id=id_, evidenced=evidenced))
    before, after = recorded.outlet if recorded else None, desired.outlet
    changed = tuple(
        name for name in CHANGES if before and getattr(before, name) is not None and _differ(before, after, name)
    )
    if before is not None and changed:
        facts.append(
            OutletChanged(
                occurred_at=at,
                department_id=id_,
                changed=changed,
                from_parent_id=before.parent_id,
                to_parent_id=after.parent_id,
            )
        )
    return tuple(facts)


def _differ(before: Outlet, after: Outlet, name: str) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


def merge_outlet(before: Outlet, after: Outlet, *, hidden: Collection[UserId] = ()) -> Outlet:
    """`after` where it states something, else `before`; leaders that the app may not see stay, behind the others."""
    stated = {f.name: getattr(after, f.name) for f in fields(Outlet) if getattr(after, f.name) is not None}
    if "leaders" in stated:
        kept = (one for one in before.leaders or () if one in hidden and one not in stated["leaders"])
        stated["leaders"] = (*stated["leaders"], *kept)
    return replace(before, **stated)
