"""A year of SOPs in virtual time: every step told once, at its minute, none lost (SOP-6).

Against a reading of its own: from what happened and when rules were edited, which step is due when. Between looks,
processes are killed at a random statement, and two of them look at the same time.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from services.reminders.model import Policy, Quiet
from services.reminders.store import record_policy
from services.sops.check import StepDraft
from services.sops.model import Trigger
from sync_worker.sops import follow_sops
from tests.services.sops.sopping import SopShop, after, expected, on


class Killed(BaseException):
    """As SIGKILL: nothing catches it, its transaction is rolled back."""


@contextmanager
def killed_after(shop: SopShop, statements: int) -> Iterator[None]:
    """The process dies before that statement, commits among them."""
    left = statements

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed

    event.listen(shop.runtime.engine, "before_cursor_execute", count)
    event.listen(shop.runtime.engine, "commit", count)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(shop.runtime.engine, "before_cursor_execute", count)
        event.remove(shop.runtime.engine, "commit", count)


def live(shop: SopShop, *, customers: int, days: int, seed: int) -> None:
    chance = random.Random(seed)
    start = datetime(2026, 1, 4, 16, tzinfo=UTC)
    shop.set_time(start)
    policy = Policy(quiet=Quiet(time(22), time(8)))
    shop.do(record_policy, shop.tenant.id, policy, by="x", now=shop.now)
    ids = shop.customers(customers)
    plans: dict[str, list[StepDraft]] = {
        "a": [after(0), after(45), after(24 * 60), on(2, "09:30"), on(7, "20:00"), after(30 * 1440 + 7)],
        "b": [on(0, "23:59"), on(1, "00:00"), on(3, "12:00"), on(10, "22:30"), on(45, "07:15"), on(60, "10:00")],
        "c": [after(5), after(6), on(1, "10:00"), on(5, "10:00"), on(14, "10:00"), on(28, "10:00")],
    }
    rules = {
        kind: shop.rule(kind, *steps, trigger=Trigger("event", event=kind), workdays_only=kind == "c")
        for kind, steps in plans.items()
    }
    wanted: dict[tuple[int, int, int], datetime] = {}  # (rule, customer, step) -> minute
    anchors: dict[str, list[tuple[int, datetime]]] = {kind: [] for kind in plans}
    number = 0
    # Many come at the same minute, so that a year has some thousand minutes at which somebody is to be told.
    minutes = [chance.randrange(1, max(2, (days - 62) * 1440)) for _ in range(min(300, customers * 3))]
    entrances = sorted((start + timedelta(minutes=chance.choice(minutes)), kind, one) for kind in plans for one in ids)
    edit_minutes = [chance.randrange(days * 1440) for _ in range(max(2, days // 30))]
    edits = sorted((start + timedelta(minutes=minute), chance.choice("ab")) for minute in edit_minutes)
    end = start + timedelta(days=days)

    heap: list[datetime] = []

    def want(key: tuple[int, int, int], due: datetime) -> None:
        wanted[key] = due
        heapq.heappush(heap, due)

    def due_moments() -> list[datetime]:
        while heap and heap[0] <= shop.now:
            heapq.heappop(heap)
        return heap[:1]

    step_ids = {kind: shop.step_ids(rule_id) for kind, rule_id in rules.items()}

    def foresee(kind: str, one: int, anchor: datetime) -> None:
        for step_id, draft in zip(step_ids[kind], plans[kind], strict=True):
            due = expected(draft, anchor, workdays_only=kind == "c")
            if due >= anchor:
                want((rules[kind], one, step_id), due)

    def edit(kind: str) -> None:
        """One step gets another time, one other words: who is past either stays past it."""
        steps = [StepDraft(id_, *_of(one)) for id_, one in zip(shop.step_ids(rules[kind]), plans[kind], strict=True)]
        moved, worded = chance.sample(range(len(steps)), 2)
        later = (steps[moved].day or 0) + chance.randrange(1, 9)
        clock = time(chance.randrange(24), chance.randrange(60))
        steps[moved] = StepDraft(steps[moved].id, "moved", day=later, at=clock)
        steps[worded] = StepDraft(steps[worded].id, "other words", *_of(steps[worded])[1:])
        if len({one.timing for one in steps}) < len(steps):
            return
        shop.edit(rules[kind], *steps)
        plans[kind] = [StepDraft(None, *_of(one)) for one in steps]
        ids_ = shop.step_ids(rules[kind])
        for one, anchor in anchors[kind]:
            key = (rules[kind], one, ids_[moved])
            before = wanted.get(key)
            if before is not None and before <= shop.now:
                continue  # told already
            wanted.pop(key, None)
            due = expected(plans[kind][moved], anchor, workdays_only=False)
            if due >= shop.now:
                want(key, due)

    def look() -> None:
        for _ in range(chance.choice([0, 0, 1, 2])):
            with killed_after(shop, chance.randrange(1, 40)):
                follow_sops(shop.runtime, shop.shop.directory)
        shop.look()

    pending = [*entrances]
    while shop.now < end:
        moments = [m for m in (pending[0][0] if pending else None, edits[0][0] if edits else None) if m]
        moments += due_moments()
        if not moments or min(moments) > end:
            break
        shop.set_time(min(moments))
        while pending and pending[0][0] <= shop.now:
            moment, kind, one = pending.pop(0)
            number += 1
            anchors[kind].append((one, moment))
            shop.happen(one, f"E{number}", kind, at=moment)
            foresee(kind, one, moment)
        look()
        while edits and edits[0][0] <= shop.now:
            edit(edits.pop(0)[1])
            look()
    shop.set_time(end)
    shop.look()
    compare(shop, {key: due for key, due in wanted.items() if due <= end})


def _of(one: StepDraft) -> tuple[Any, ...]:
    return one.content, one.after_minutes, one.day, one.at


def compare(shop: SopShop, wanted: dict[tuple[int, int, int], datetime]) -> None:
    rows = shop.rows(
        "select cast(payload ->> 'rule_id' as bigint), cast(payload ->> 'customer_id' as bigint), "
        "cast(payload ->> 'step_id' as int), recorded_at from fact where type = 'sop_step_due'"
    )
    assert max(Counter(row[:3] for row in rows).values()) == 1
    told = {row[:3]: row[3] for row in rows}
    assert told.keys() == wanted.keys()
    assert {key: at for key, at in told.items() if at != wanted[key]} == {}
    ((messages, twice),) = shop.rows(
        "select count(*), count(*) - count(distinct fact_id) from outbox where notice = 'sop_step'"
    )
    assert (messages, twice) == (len(wanted), 0)


def test_a_season_of_sops(shop: SopShop):
    """The year in small, for every run of the suite (SOP-6)."""
    live(shop, customers=6, days=100, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_year_of_sops(shop: SopShop):
    """2,000 customers, three rules of six steps, holidays, quiet hours, edits and kills (SOP-6)."""
    live(shop, customers=2000, days=365, seed=2)
