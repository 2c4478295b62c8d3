"""What answers, results and reads make of handovers that are under way. Pure: each gives the rows as they are to be.

A request must not be made twice for what WeCom has taken, so one whose answer is lost is looked up first. WeCom's
results name no request: a row is ours when it waits, took effect after we asked, or failed beside those known before.
Source: WeCom server API, transfer results (pages 94088 and 94082).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.transfers.model import Kind, Owner, Shown, Sight, Stage, Transfer, Why
from services.transfers.plan import day_of

DONE, WAITING, REFUSED, FULL = 1, 2, 3, 4
EFFECT = timedelta(days=1)
"""An accepted handover of a customer takes effect after so long; WeCom's results say when exactly."""
SOONEST = timedelta(seconds=5)
SKEW = timedelta(minutes=2)
"""WeCom's clock may be behind ours by so much."""

ALREADY = frozenset({40129, 40100, 90504, 90507, 90508})
"""Codes that answer a repeated request whose first answer was lost, when WeCom had taken that one."""
LIMITS: Mapping[int, Why] = {40128: Why.WECOM, 40099: Why.TAKER_FULL}
DAY_LIMIT = 45009
"""Of a chat: its owner has passed on as many today as allowed. (The code is not published: see the simulator.)"""


@dataclass(frozen=True)
class Pace:
    """`result_lag`: how late WeCom's rows may be; `every`: longest time between polls; `patience`: how long after its
    time an outcome may stay away before a read decides.
    """

    result_lag: timedelta = timedelta(minutes=10)
    every: timedelta = timedelta(hours=1)
    patience: timedelta = timedelta(days=1)


def plan_answers(
    asked: Iterable[Transfer],
    codes: Mapping[str, int | None],
    *,
    busy: Mapping[int, float],
    now: datetime,
    pace: Pace,
) -> list[Transfer]:
    """What the answer to a request makes of its rows; those that it does not name stay in doubt.

    `busy`: codes that pass, each with the seconds to wait.
    """
    return [_answered(one, codes[one.subject_key], busy, now, pace) for one in asked if one.subject_key in codes]


def _answered(one: Transfer, code: int | None, busy: Mapping[int, float], now: datetime, pace: Pace) -> Transfer:
    if code == 0 or (code in ALREADY and one.attempts > 1):
        return accepted(one, at=now, pace=pace)
    if code is None:
        return one
    if code == DAY_LIMIT and one.kind is Kind.CHAT:
        return unsent(one, again_at=day_of(now)[1])
    if code in busy:
        return unsent(one, again_at=now + timedelta(seconds=busy[code]))
    return _ended(one, Stage.LIMIT if code in LIMITS else Stage.FAILED, LIMITS.get(code, Why.WECOM), now, code=code)


def accepted(one: Transfer, *, at: datetime, pace: Pace) -> Transfer:
    effect_at = at if one.kind is Kind.CHAT else at + EFFECT
    waiting = replace(one, stage=Stage.WAITING, accepted_at=at, effect_at=effect_at)
    return replace(waiting, next_poll_at=next_poll(waiting, now=at, pace=pace))


def unsent(one: Transfer, *, again_at: datetime) -> Transfer:
    """Its latest request was certainly not taken."""
    return replace(one, stage=Stage.QUEUED, attempts=max(0, one.attempts - 1), next_poll_at=again_at)


def refused_as_a_whole(asked: Iterable[Transfer], *, code: int, now: datetime, pace: Pace) -> list[Transfer]:
    """WeCom refused the request itself, for good."""
    return [_answered(one, code, {}, now, pace) for one in asked]


def plan_results(
    sent: Sequence[Transfer],
    shown: Mapping[str, Sequence[Shown]],
    sights: Mapping[int, Sight],
    *,
    taker_left: bool,
    lost: Collection[str],
    now: datetime,
    pace: Pace,
) -> list[Transfer]:
    """What WeCom's rows for a pair make of its handovers of customers.

    `sights`: by id of the handover, reads of customers whose outcome it does not show although it is long past (see
    `to_be_read`). `lost`: customers who removed the giver meanwhile.
    """
    planned = []
    for one in sent:
        rows = shown.get(one.subject_key, ())
        found = _own(one, rows, now=now, pace=pace)
        if found is None:
            known = _taken_long_ago(one, rows, pace=pace)
            planned.append(_without_row(known, sights.get(one.id), now=now, pace=pace))
        else:
            planned.append(_by(one, found, taker_left=taker_left, lost=one.subject_key in lost, now=now, pace=pace))
    return planned


def _own(one: Transfer, shown: Sequence[Shown], *, now: datetime, pace: Pace) -> Shown | None:
    """WeCom's row for this request; earlier ones of the same customer and pair stay in its answers."""
    assert one.sent_at is not None
    waiting = [row for row in shown if row.status == WAITING and now < _due(one, row) + pace.patience]
    done = [row for row in shown if row.status == DONE and row.at is not None and row.at >= one.sent_at - SKEW]
    undated = [row for row in shown if row.status == DONE and row.at is None]
    failed = [row for row in shown if row.status in (REFUSED, FULL)]
    if done or waiting or undated:
        return (done or waiting or undated)[-1]
    # Should WeCom keep one row for several requests, there is never one more: then the time that has passed tells.
    return failed[-1] if failed and (len(failed) > one.known_failures or overdue(one, now=now, pace=pace)) else None


def _due(one: Transfer, row: Shown) -> datetime:
    """When what waits takes effect: a row that goes on waiting long after that is left over, and says nothing."""
    assert one.sent_at is not None
    return row.at or one.effect_at or one.sent_at + EFFECT


def _taken_long_ago(one: Transfer, shown: Sequence[Shown], *, pace: Pace) -> Transfer:
    """One whose answer was lost, known as taken when a row of its own waits although its time is long past."""
    assert one.sent_at is not None
    own = any(row.status == WAITING and _due(one, row) >= one.sent_at for row in shown)
    return accepted(one, at=one.sent_at, pace=pace) if own and one.accepted_at is None else one


def _by(one: Transfer, row: Shown, *, taker_left: bool, lost: bool, now: datetime, pace: Pace) -> Transfer:
    if row.status == WAITING:
        waiting = one if one.accepted_at else accepted(one, at=one.sent_at or now, pace=pace)
        waiting = replace(waiting, stage=Stage.WAITING, effect_at=row.at or waiting.effect_at)
        return replace(waiting, next_poll_at=next_poll(waiting, now=now, pace=pace))
    if row.status == DONE:
        return _ended(one, Stage.DONE, None, now, effect_at=row.at or now)
    if taker_left:
        return _ended(one, Stage.FAILED, Why.TAKER_LEFT, now)
    if lost:
        return _ended(one, Stage.FAILED, Why.CUSTOMER_LEFT, now)
    if row.status == FULL:
        return _ended(one, Stage.LIMIT, Why.TAKER_FULL, now)
    return _ended(one, Stage.REFUSED, Why.REFUSED, now)


def overdue(one: Transfer, *, now: datetime, pace: Pace) -> bool:
    """Whether its outcome should have shown long ago."""
    return one.effect_at is not None and now >= one.effect_at + pace.patience


def to_be_read(one: Transfer, shown: Sequence[Shown], *, now: datetime, pace: Pace) -> bool:
    """Whether a read of the customer is to decide: it is long past, and none of WeCom's rows says what came of it."""
    return overdue(one, now=now, pace=pace) and _own(one, shown, now=now, pace=pace) is None


def _without_row(one: Transfer, sight: Sight | None, *, now: datetime, pace: Pace) -> Transfer:
    assert one.sent_at is not None
    if one.stage is Stage.QUEUED:
        # To be sent again, once the corp may be pushed to. What WeCom took would have shown by then.
        given_up = now >= one.sent_at + EFFECT + pace.patience
        return replace(one, attempts=0 if given_up else one.attempts, next_poll_at=now + pace.every)
    if one.accepted_at is None:
        # Its answer was lost, and WeCom has had the time to show it: it was not taken.
        known_at = one.sent_at + pace.result_lag
        if now >= known_at:
            return replace(one, stage=Stage.QUEUED, next_poll_at=now)
        return replace(one, next_poll_at=known_at)
    if sight is None or not overdue(one, now=now, pace=pace):
        return replace(one, next_poll_at=next_poll(one, now=now, pace=pace))
    if sight.taker_since is None or sight.giver_there:
        return _ended(one, Stage.FAILED, Why.NO_RECORD, now)
    since = sight.taker_since
    return _ended(one, Stage.DONE, None, now, effect_at=since if since >= one.sent_at - SKEW else one.effect_at)


def plan_chats(sent: Sequence[Transfer], owners: Mapping[str, Owner], *, now: datetime, pace: Pace) -> list[Transfer]:
    """What reads of chats make of their handovers; WeCom has no results for these."""
    return [_chat(one, owners[one.subject_key], now=now, pace=pace) for one in sent if one.subject_key in owners]


def _chat(one: Transfer, owner: Owner, *, now: datetime, pace: Pace) -> Transfer:
    if owner.code is not None:
        return _ended(one, Stage.FAILED, Why.CHAT_GONE, now, code=owner.code)
    if owner.userid is not None and owner.userid.lower() == one.to_userid.lower():
        return _ended(one, Stage.DONE, None, now, effect_at=now)
    if one.accepted_at is None:
        return _without_row(one, None, now=now, pace=pace)
    if overdue(one, now=now, pace=pace):
        return _ended(one, Stage.FAILED, Why.OWNER_UNCHANGED, now)
    return replace(one, next_poll_at=next_poll(one, now=now, pace=pace))


def _ended(
    one: Transfer,
    stage: Stage,
    why: Why | None,
    now: datetime,
    *,
    code: int | None = None,
    effect_at: datetime | None = None,
) -> Transfer:
    accepted_at = (one.accepted_at or one.sent_at) if stage is Stage.DONE else one.accepted_at
    return replace(
        one,
        stage=stage,
        why=why,
        code=code,
        ended_at=now,
        effect_at=effect_at,
        accepted_at=accepted_at,
        next_poll_at=now,
    )


def next_poll(one: Transfer, *, now: datetime, pace: Pace) -> datetime:
    """Before it takes effect now and then, since customers refuse; then often at first, and ever less."""
    assert one.effect_at is not None
    if now < one.effect_at:
        return min(now + pace.every, one.effect_at + SOONEST)
    return now + min(max(now - one.effect_at, SOONEST), pace.every)
