"""Thirty days nobody worked; then all that waited comes due at once: what is too old expires, the rest is folded (G5).

Both clocks run, and are set on together, so that the rate at which phones ring is WeCom's own count.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from notifier.robots import RobotLane
from services.chats.events import plan_event
from services.chats.model import ChatEvent
from services.customers.model import RelationDeleted, RelationLost, RelationStarted
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.robots.store import add_robot
from services.sops.model import Trigger
from services.watching.clocks import record_watches
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, DeletionsOfDay, Watch
from shared.clock import FixedClock, SystemClock
from shared.db.engine import run
from shared.ids import ExternalUserId, UserId
from shared.tenants import load_tenants
from shared.wecom.clients import Clients
from sync_worker.reminding import remind
from tests.flows.reminding.square import notice_of
from tests.notifier.desk import Desk
from tests.services.rules.shop import Shop
from tests.services.sops.sopping import SopShop, after

BEFORE = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)
AWAY = timedelta(days=30)
USERIDS = tuple(UserId(f"sales{n:02d}") for n in range(50))
BUSY, BOSS = USERIDS[0], UserId("boss")
DAY_MINUTES = 24 * 60
STEPS = (after(DAY_MINUTES), after(30 * DAY_MINUTES - 60), after(60 * DAY_MINUTES))
"""One is too old by then, one came due an hour before, one is ahead."""
STAGE, LINE = 11, 1


class Shelf:
    """A corp of fifty, as it was left thirty days ago."""

    def __init__(self, desk: Desk, clock_file: Path) -> None:
        self.desk, self.clock, self.clock_file = desk, SystemClock(clock_file), clock_file
        desk.runtime = replace(desk.runtime, clock=self.clock)
        desk.corp.post("/sim/reset", {})
        desk.corp.create([], associates={one: (one, 2) for one in (*USERIDS, BOSS)})
        self.offset_s = 0.0
        self.pass_time(BEFORE - datetime.now(UTC))
        with desk.runtime.engine.begin() as connection:
            run(connection, "update tenant set state = 'live'")
            self.tenant = load_tenants(connection, desk.runtime.vault)[0]
            t, now = self.tenant.id, self.clock.now()
            record_policy(connection, t, Policy(administrators=(BOSS,)), by="test", now=now)
            record_wish(connection, t, "relation_lost", NOT_KNOWN, Wish(ttl_s=60 * 86_400), by="test", now=now)
            watches = [
                Watch(DeletionsOfDay.TYPE, hour=8),
                Watch(CustomerStageOverstayed.TYPE, STAGE, hour=9, days=(1,), every_days=7),
                Watch(CustomerNotContacted.TYPE, hour=9, days=(10,)),
            ]
            record_watches(connection, self.tenant, watches, by="test", now=now)
            key = desk.corp.act({"do": "make_robot", "name": "运营群"})["key"]
            add_robot(connection, self.tenant, name="运营群", key=key, notices=["stage_overstayed"], enabled=True,
                      by="test", now=now)  # fmt: skip
        self.sops = SopShop(Shop(desk.runtime, self.tenant, cast(FixedClock, self.clock)))
        self.robots = RobotLane(desk.runtime, Clients(desk.runtime, connections=1))
        self.work()  # from then on it is known when what was looked at

    def fill(self) -> None:
        """Of each kind something, most of it just before everybody went."""
        self.sops.rule("r", *STEPS, trigger=Trigger("event", event="visited"))
        for userid in (*USERIDS, *(BUSY for _ in range(44))):
            (one,) = self.sops.customers(1, userid)
            self.sops.happen(one, f"E{one}")
        self.sops.look()
        starts = [BEFORE + timedelta(days=day) for day in (3, 9, 20)]
        starts.append(BEFORE + AWAY + timedelta(minutes=30))
        with self.desk.runtime.engine.begin() as connection:
            run(connection, "insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, "
                "by_whom) select tenant_id, :line, id, :stage, :now, 'x' from customer order by id limit 30",
                line=LINE, stage=STAGE, now=self.clock.now())  # fmt: skip
            run(connection, "insert into group_chat (tenant_id, chat_id, owner_userid, name, created_at, observed_at, "
                "cause) values (:t, 'wr1', :owner, '新品', :now, :now, 'event')",
                t=self.tenant.id, owner=BUSY, now=self.clock.now())  # fmt: skip
            for starts_at in starts:
                event = ChatEvent("新品会", "", starts_at, 60, ["wr1"])
                plan_event(connection, self.tenant.id, event, by="x", now=self.clock.now())
        self.meet(20)  # who is old news by then
        self.lose(40)
        gone = [
            RelationDeleted(
                occurred_at=self.clock.now(), userid=one, external_userid=ExternalUserId(f"wmD{one}"), evidenced=True
            )
            for one in USERIDS
        ]
        self.desk.record(*gone)

    def meet(self, count: int) -> None:
        """So many new customers for each of fifty."""
        now = self.clock.now()
        self.desk.record(
            *(
                RelationStarted(
                    occurred_at=now, userid=one, external_userid=ExternalUserId(f"wm{now:%j}{one}{n}"), evidenced=True
                )
                for one in USERIDS
                for n in range(count)
            )
        )

    def lose(self, count: int) -> None:
        now = self.clock.now()
        self.desk.record(
            *(
                RelationLost(
                    occurred_at=now, userid=one, external_userid=ExternalUserId(f"wmL{one}{n}"), evidenced=True
                )
                for one in USERIDS
                for n in range(count)
            )
        )

    def work(self) -> None:
        while remind(self.desk.runtime):
            pass
        self.sops.look()
        self.desk.deliver()
        while self.robots.speak_due():
            pass

    def pass_time(self, by: timedelta) -> None:
        self.offset_s += by.total_seconds()
        self.desk.corp.post("/sim/clock", {"offset_s": self.offset_s})
        self.clock_file.write_text(str(self.offset_s))

    def states(self) -> dict[tuple[str, str], int]:
        rows = self.desk.rows("select notice, state, count(*) from outbox group by 1, 2 order by 1, 2")
        return {(str(notice), str(state)): int(str(n)) for notice, state, n in rows}

    def deliveries(self) -> list[dict[str, Any]]:
        """Whatever WeCom was given, also what it dropped."""
        found = self.desk.corp.get(f"/sim/corps/{self.desk.corp.corp_id}/messages")
        return list(found["messages"] if isinstance(found, dict) else found)


def most_in(times: Sequence[int], window_s: int) -> int:
    return max((sum(1 for other in times if one <= other < one + window_s) for one in times), default=0)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_days_away_then_all_of_it_at_once(desk: Desk, clock_file: Path) -> None:
    """Too old is recorded as expired, due is folded, nobody's limit is passed and WeCom drops nothing (G5, G6)."""
    shelf = Shelf(desk, clock_file)
    shelf.fill()
    shelf.pass_time(AWAY)
    shelf.meet(20)
    for _ in range(120):
        shelf.work()
        shelf.pass_time(timedelta(seconds=5))
    given, states = shelf.deliveries(), shelf.states()
    by_phone: dict[str, list[int]] = defaultdict(list)
    for one in given:
        by_phone[one["userid"]].append(one["at"])
    fastest = max(most_in(times, 60) for times in by_phone.values())
    sys.stdout.write(f"{states}\n{len(given)} messages, most a minute and member {fastest}, "
                     f"most a minute in all {most_in([one['at'] for one in given], 60)}\n")  # fmt: skip
    assert not [one for one in given if one["dropped"] or one["duplicate"]]
    assert fastest <= 30
    assert set(Counter(notice_of(one) for one in given).values()) == {1}
    assert {state for _, state in states} == {"sent", "folded", "expired"}
    assert states["new_customer", "expired"] == 1000  # of thirty days ago
    assert (states["new_customer", "sent"], states["new_customer", "folded"]) == (50, 950)
    assert (states["relation_lost", "sent"], states["relation_lost", "folded"]) == (50, 1950)  # they may be told late
    assert states["sop_step", "sent"] == 94
    assert desk.rows("select state, count(*) from sop_progress group by 1 order by 1") == [
        ("expired", 94),
        ("reminded", 94),
    ]
    assert states["deletions_of_day", "sent"] == 1
    assert states["chat_event", "sent"] == 1
    assert states["not_contacted", "sent"] == 50
    (post,) = desk.corp.get(f"/sim/corps/{desk.corp.corp_id}/look/robots")[0]["posts"]  # one about all of its kind
    assert "30 位客户" in post["payload"]["content"]
    told = desk.rows("select count(*), max(cast(payload ->> 'number' as int)) from fact "
                     "where type = 'customer_stage_overstayed'")  # fmt: skip
    assert told == [(30, 1)]  # once, not for each week that nobody looked
