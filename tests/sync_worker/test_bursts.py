"""Customers given to others of their friends in bulk: whoever gains or loses hundreds hears of it in one message."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.bulk_changes import asking
from services.bulk_changes.model import read_wanted
from services.bulk_changes.plan import confirmations
from services.finding.selection import Selection
from services.intents.model import Source
from shared.clock import FixedClock
from tests.notifier.desk import Desk
from tests.sync_worker.conftest import Office, bring_to_life

MakeOffice = Callable[..., Office]
WITHIN = timedelta(minutes=1)


class Crowd:
    """A live corp: `count` customers of old associates', each a friend of one of as many new ones, too."""

    def __init__(self, office: Office, *, customers: int, staff: int) -> None:
        self.office, self.customers = office, customers
        self.old = [f"former{n:02d}" for n in range(staff)]
        self.new = [f"new{n:02d}" for n in range(staff)]
        office.corp.post("/sim/reset", {})
        office.corp.create([], associates={one: (one, 2) for one in (*self.old, *self.new)})
        office.corp.add_customers(customers, userids=self.old)
        known = sorted(office.corp.pairs(), key=lambda one: (one["userid"], one["external_userid"]))
        self.of = {one["external_userid"]: self.new[n % staff] for n, one in enumerate(known)}
        office.corp.act(
            [{"do": "add", "userid": to, "external_userid": one, "silent": True} for one, to in self.of.items()]
        )
        bring_to_life(office)
        self.clock = FixedClock(office.runtime.clock.now())
        office.move_clock(self.clock)
        self.desk = Desk(office.runtime, office.corp, office.pool)
        self.desk.at(self.clock.present)
        self.desks = [self.desk.notifier(), self.desk.notifier()]

    def ask_for_all(self) -> None:
        """A bulk change for each new associate, one after the other."""
        with self.office.runtime.engine.begin() as connection:
            for to in self.new:
                chosen = Selection(
                    "select customer_id from external_contact where external_userid = any(:f_ids)",
                    {"f_ids": [one for one, new in self.of.items() if new == to]},
                )
                wanted = read_wanted({"kind": "assignment", "to_userid": to})
                asking.ask(
                    connection, self.office.tenant, chosen, wanted, filter_={}, reason="the shop moves",
                    confirmation=confirmations(wanted.kind, self.customers // len(self.new))[0], author="Zhou",
                    source=Source.API, now=self.clock.now(),
                )  # fmt: skip

    def pass_time(self, seconds: float) -> None:
        """Two notifiers look every second, until nothing is due."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            self.desk.at(min(until, self.clock.now() + timedelta(seconds=1)))
            while sum(one.deliver_due() for one in self.desks):
                pass

    def change_over(self, seconds: float) -> None:
        """Workers carry all of it out in that time, two steps to each change."""
        while self.office.step():
            self.pass_time(seconds / (2 * len(self.new)))

    def texts(self) -> list[list[str]]:
        return [self.desk.texts(one) for one in (*self.new, *self.old)]

    def waiting(self) -> list[tuple[object, ...]]:
        return self.desk.rows(
            "select notice, recipient, next_try_at, min(gathers_until), max(gathers_until), count(*), max(lease_until) "
            "from outbox where state = 'due' group by 1, 2, 3 order by 3 limit 20"
        )

    def told_once(self) -> list[list[str]]:
        each = self.customers // len(self.new)
        return [[f"{each} 位客户已分配给您"]] * len(self.new) + [[f"{each} 位客户归属变更"]] * len(self.old)


def test_customers_given_in_bulk_over_half_a_minute_are_one_message_for_each(make_office: MakeOffice) -> None:
    """Whoever loses some to each hears of all at once, and so does who gains, within a minute (ASG-5, POOL-7)."""
    crowd = Crowd(make_office(), customers=120, staff=6)
    began = crowd.clock.now()
    crowd.ask_for_all()
    crowd.change_over(30)
    crowd.pass_time(8)
    assert crowd.texts() == crowd.told_once(), crowd.waiting()
    assert crowd.clock.now() - began < WITHIN
    crowd.desk.deliver(after_s=70)
    assert crowd.texts() == crowd.told_once()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_customers_given_to_fifty_are_one_message_for_each(make_office: MakeOffice) -> None:
    """Two hundred each, within a minute of the first; nobody's phone is flooded (ASG-5, POOL-7)."""
    crowd = Crowd(make_office(), customers=10_000, staff=50)
    began = crowd.clock.now()
    crowd.ask_for_all()
    crowd.change_over(30)
    crowd.pass_time(8)
    assert crowd.texts() == crowd.told_once(), crowd.waiting()
    assert crowd.clock.now() - began < WITHIN
