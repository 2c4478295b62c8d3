"""Decisions about the pool. Pure: who gets how many, which rule acts, who a new friend is, what may follow on what."""

import hashlib
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from services.pool.model import (
    AssignRule,
    Dealing,
    Facing,
    Holder,
    PoolRefusedError,
    Reason,
    Status,
)
from shared.ids import CustomerId, UserId

MAY_BECOME: Mapping[Status, frozenset[Status]] = {
    Status.UNASSIGNED: frozenset({Status.ASSIGNED, Status.ADDED}),
    Status.ASSIGNED: frozenset({Status.ASSIGNED, Status.UNREACHABLE, Status.ADDED, Status.UNASSIGNED}),
    Status.UNREACHABLE: frozenset({Status.ASSIGNED, Status.ADDED, Status.UNASSIGNED}),
    Status.ADDED: frozenset({Status.UNASSIGNED}),
}
"""What a record may become by a step; who was added comes back only by entering again (POOL-13)."""


def before(status: Status) -> list[str]:
    """The states from which somebody may come to this one."""
    return sorted(one.value for one, after in MAY_BECOME.items() if status in after)


def dealing_order(userids: Iterable[UserId], how: Dealing, *, seed: int) -> tuple[UserId, ...]:
    """The associates in the order in which customers are dealt to them, each once.

    By turns: in the order of their ids, and each batch begins one further, so that nobody is always first. At random:
    shuffled by the seed, always the same for one seed, so that a run that was killed goes on as it began.
    """
    members = sorted(set(userids))
    if how == "random":
        return tuple(sorted(members, key=lambda one: hashlib.sha256(f"{seed}/{one}".encode()).digest()))
    start = seed % len(members) if members else 0
    return (*members[start:], *members[:start])


def receiver(order: Sequence[UserId], k: int) -> UserId:
    """Who gets the customer number `k` (from 0). SQL does the same: `userids[1 + k % cardinality(userids)]`."""
    return order[k % len(order)]


def spread(count: int, userids: Iterable[UserId], how: Dealing, *, seed: int = 0) -> dict[UserId, int]:
    """How many of `count` customers each associate gets: sizes differ by one at most (POOL-4)."""
    order = dealing_order(userids, how, seed=seed)
    if not order:
        return {}
    each, more = divmod(count, len(order))
    return {one: each + (n < more) for n, one in enumerate(order)}


def without(order: Sequence[UserId], turn: int, there: Collection[UserId]) -> tuple[UserId, ...]:
    """The order from turn 0 on, when only those who are `there` go on: who has got one less is first."""
    at = turn % len(order)
    return tuple(one for one in (*order[at:], *order[:at]) if one in there)


def fill(count: int, loads: Mapping[UserId, int]) -> list[UserId]:
    """Who gets each of `count` customers, so that whoever has the least gets the next (POOL-12)."""
    heap = [(load, userid) for userid, load in sorted(loads.items())]
    heapq.heapify(heap)
    found = []
    for _ in range(count if heap else 0):
        load, userid = heap[0]
        heapq.heapreplace(heap, (load + 1, userid))
        found.append(userid)
    return found


def holds(rule: AssignRule, record: Facing) -> bool:
    """Whether a rule is about this record, at whatever time of day."""
    return (
        (not rule.sources or record.source in rule.sources)
        and (not rule.tag_ids or bool(rule.tag_ids & record.tag_ids))
        and (not rule.stage_ids or bool(rule.stage_ids & record.stage_ids))
        and (not rule.department_ids or record.department_id in rule.department_ids)
    )


def opens_at(rule: AssignRule, zone: tzinfo, *, now: datetime) -> datetime:
    """`now` within the rule's hours, else when they begin next."""
    if rule.from_hour is None or rule.to_hour is None or rule.from_hour == rule.to_hour:
        return now
    local = now.astimezone(zone)
    ahead = (rule.from_hour - local.hour) % 24
    if (local.hour - rule.from_hour) % 24 < (rule.to_hour - rule.from_hour) % 24:
        return now
    begin = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=ahead)
    return begin.astimezone(now.tzinfo)


def choose_rule(
    rules: Sequence[AssignRule], record: Facing, zone: tzinfo, *, now: datetime
) -> tuple[AssignRule | None, datetime | None]:
    """The first rule that acts now; else when the first of those begins that are about this record; None: none is."""
    later = []
    for rule in sorted(rules, key=lambda one: (one.position, one.id)):
        if holds(rule, record):
            begins = opens_at(rule, zone, now=now)
            if begins <= now:
                return rule, None
            later.append(begins)
    return None, min(later, default=None)


def recognise(holders: Sequence[Holder], userid: UserId) -> tuple[tuple[CustomerId, ...], bool]:
    """Who of those with a new friend's phone it is, and whether that is sure (POOL-9, CUS-12).

    Sure: the only one who has it verified; else the only one whom this very associate was to add. All others a person
    must look at: a phone may be shared, mistyped, or another one's by now.
    """
    verified = [one for one in holders if one.verified]
    mine = [one for one in holders if one.userid == userid]
    for found in (verified, mine):
        if len(found) == 1:
            return (found[0].customer_id,), True
    return tuple(sorted({one.customer_id for one in holders})), False


def source_of_push(kinds: Sequence[str], *, made: bool, asked: bool | None, source: str | None) -> str | None:
    """As coming from where somebody whom a system pushed enters the pool; None: they do not (POOL-1).

    `asked` None: nobody said; then those enter who are new here and have authorised a shop or a mini-program. A CRM
    that copies all its customers here would else fill the pool with people whom nobody is to add.
    """
    issued = next((one for one in kinds if one.startswith(("shop:", "miniapp:"))), None)
    if asked is False or (asked is None and not (made and issued)):
        return None
    return source or issued or "api"


def check_reason(reason: Reason, note: str | None) -> None:
    """
    Raises:
        PoolRefusedError: the reason "other" without words.
    """
    if reason is Reason.OTHER and not (note or "").strip():
        raise PoolRefusedError('the reason "other" needs a note that says what happened')
