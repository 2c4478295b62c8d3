"""Somebody sets the machine's clock, on and back, on a day of the change to summer time: once is once (SOP-6, LOSS-3).

Only the clock here jumps; WeCom's goes on. Two schedulers look at once, and two notifiers send.
"""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.customers.model import RelationDeleted
from services.reminders.model import Policy
from services.reminders.store import record_policy
from services.sops.model import Trigger
from services.watching.model import DeletionsOfDay
from shared.db.engine import run
from shared.ids import ExternalUserId, UserId
from shared.tenants import load_tenants
from sync_worker.reminding import remind
from sync_worker.sops import follow_all_sops
from tests.flows.reminding.square import notice_of, until_ten
from tests.notifier.desk import Desk
from tests.services.rules.shop import Shop
from tests.services.sops.sopping import SopShop, after, on

BERLIN = ZoneInfo("Europe/Berlin")
EVE = datetime(2027, 3, 27, 17, 0, tzinfo=UTC)
"""The evening before the night in which Berlin's clocks go from two to three."""
LI, BOSS = UserId("LiNa"), UserId("WangFang")
HOUR, MONTH = timedelta(hours=1), timedelta(days=40)
STEPS = (after(0), after(30), on(1, "08:00"), on(2, "02:30"), on(2, "20:00"))


class Tower:
    """A corp in Berlin with customers in an SOP, whose associates remove some now and then."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.clock = desk, desk.stop_the_clock(EVE)
        with desk.runtime.engine.begin() as connection:
            run(connection, "update tenant set state = 'live', timezone = 'Europe/Berlin'")
            tenant = load_tenants(connection, desk.runtime.vault)[0]
            record_policy(connection, tenant.id, Policy(administrators=(BOSS,)), by="test", now=EVE)
        self.sops = SopShop(Shop(desk.runtime, tenant, self.clock))
        self.removed = 0
        self.rule_id = self.sops.rule("r", *STEPS, trigger=Trigger("event", event="visited"))

    def visit(self, count: int) -> None:
        """So many come into the SOP."""
        for one in self.sops.customers(count):
            self.sops.happen(one, f"E{one}")

    def remove(self) -> None:
        self.removed += 1
        contact = ExternalUserId(f"wmGone{self.removed}")
        now = self.clock.now()
        self.desk.record(RelationDeleted(occurred_at=now, userid=LI, external_userid=contact, evidenced=True))

    def look(self) -> None:
        """Both schedulers and both notifiers, until nothing is due."""
        self.sops.look()
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda _: self._schedule(), range(2)))
            list(both.map(lambda _: self.desk.deliver(), range(2)))

    def _schedule(self) -> None:
        while remind(self.desk.runtime):
            pass
        follow_all_sops(self.desk.runtime, self.sops.shop.directory)

    def jump(self, by: timedelta) -> None:
        """Here only: nobody sets WeCom's clock."""
        self.clock.present += by
        self.look()

    def pass_time(self, by: timedelta) -> None:
        """Here and there."""
        self.clock.present += by
        now = self.desk.corp.get("/sim/clock")["offset_s"] + by.total_seconds()
        self.desk.corp.post("/sim/clock", {"offset_s": now})
        self.look()

    def days_of_digests(self) -> list[tuple[str, int]]:
        facts = self.desk.rows("select payload from fact where type = 'deletions_of_day' order by id")
        return [(fact["day"], fact["count"]) for (fact,) in facts]  # type: ignore[index]

    def check(self) -> None:
        days = self.days_of_digests()
        assert len({day for day, _ in days}) == len(days)
        assert sum(count for _, count in days) == self.removed
        told = self.desk.rows("select payload ->> 'enrolment_id', payload ->> 'step_id' from fact "
                              "where type = 'sop_step_due'")  # fmt: skip
        assert len(set(told)) == len(told)
        reminded = self.desk.rows("select enrolment_id, step_id from sop_progress where told_at is not null")
        assert {(str(one), str(step)) for one, step in reminded} == set(told)
        arrived = Counter(notice_of(one) for one in self.desk.corp.messages())
        assert set(arrived.values()) == {1}
        assert set(arrived) == {one for (one,) in self.desk.rows("select id from outbox where state = 'sent'")}
        assert self.desk.rows("select distinct state from outbox where state not in ('sent', 'folded')") == []


@pytest.fixture
def tower(desk: Desk) -> Iterator[Tower]:
    yield Tower(desk)


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.long) for seed in range(6)])
def test_a_clock_that_jumps_over_and_over_tells_each_thing_once(tower: Tower, seed: int) -> None:
    """An hour on and back, an hour back and on, forty days either way, at any hour of three days (SOP-6, LOSS-3)."""
    dice = random.Random(seed)
    tower.visit(3)
    tower.look()
    for hour in range(72):
        tower.remove()
        if dice.random() < 0.3:
            by = dice.choice((HOUR, -HOUR, MONTH, -MONTH))
            tower.jump(by)
            if dice.random() < 0.5:
                tower.remove()
            if dice.random() < 0.5:
                tower.pass_time(timedelta(minutes=dice.randrange(1, 90)))
            tower.jump(-by)
        if hour % 12 == 0:
            tower.visit(1)
        tower.pass_time(HOUR)
    tower.pass_time(timedelta(days=2))
    tower.pass_time(timedelta(seconds=until_ten(tower.clock.now(), BERLIN)))
    tower.check()
    assert not tower.desk.rows("select 1 from sop_enrolment where state = 'running' and next_at <= "
                               f"'{tower.clock.now().isoformat()}'")  # fmt: skip


def test_after_a_clock_that_ran_ahead_messages_go_out_as_ever(tower: Tower) -> None:
    """What was told in a time that has not come holds nothing up, neither by kind nor by its member's limit (G5)."""
    tower.desk.lose()
    tower.desk.fail(1)
    tower.look()
    tower.pass_time(timedelta(minutes=2))
    tower.jump(MONTH)
    tower.desk.lose(first=1)
    tower.desk.fail(29)
    tower.look()
    tower.jump(-MONTH)
    seen = len(tower.desk.corp.messages(LI))
    assert seen == 32
    tower.pass_time(timedelta(minutes=2))
    tower.desk.lose(first=2)
    tower.desk.fail(1)
    tower.look()
    assert len(tower.desk.corp.messages(LI)) == seen + 2
    tower.check()


def test_a_digest_goes_once_on_the_day_of_the_change_to_summer_time(tower: Tower) -> None:
    """At eight by the clocks there, though the night had an hour less, and the clock is set back meanwhile (LOSS-3)."""
    tower.look()
    tower.remove()
    eight = datetime(2027, 3, 28, 8, 0, tzinfo=BERLIN)
    tower.pass_time(eight - EVE - timedelta(minutes=1))
    assert tower.days_of_digests() == []
    tower.pass_time(timedelta(minutes=1))
    assert tower.days_of_digests() == [("2027-03-28", 1)]
    for by in (-HOUR, HOUR, HOUR, -HOUR, MONTH, -MONTH):
        tower.remove()
        tower.jump(by)
    assert [day for day, _ in tower.days_of_digests()] == ["2027-03-28", (eight + MONTH).date().isoformat()]
    tower.pass_time(timedelta(days=1))
    assert tower.days_of_digests()[-1][0] == "2027-03-29"
    tower.check()
    assert [one["notice"] for one in _boss(tower)] == [DeletionsOfDay.TYPE] * 3


def _boss(tower: Tower) -> list[dict[str, object]]:
    rows = tower.desk.rows(f"select notice from outbox where recipient = '{BOSS}' order by id")
    return [{"notice": notice} for (notice,) in rows]
