"""A live corp in which all that reminds goes on at once, and what must be true of phones and cards after it."""

import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError

from commands.waiting import Impatience, wait_for
from services.chats.events import plan_event
from services.chats.model import ChatEvent
from services.message_templates.model import Dress, Form
from services.message_templates.store import record_dress
from services.notices.model import CHAT_EVENT, LEAVER_DEADLINE, NEW_CUSTOMER, RELATION_LOST, SOP_STEP, STAGE_OVERSTAYED
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.robots.store import add_robot
from services.sops.check import Draft, StepDraft, spec_of
from services.sops.model import Audience, RuleState, Trigger, Ways
from services.sops.store import record_rule, record_state
from services.stages.store import record_line, record_stage
from services.watching.clocks import record_watches
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, DeletionsOfDay, LeaverDeadline, Watch
from services.welcomes.model import Draft as WelcomeDraft
from services.welcomes.store import make_rule
from shared.db.engine import fetch_all
from shared.ids import UserId
from shared.tenants import Tenant, load_tenants
from tests.flows.world import World

BOSS = UserId("sales199")
OWNERS = tuple(f"sales{n:03d}" for n in range(8))
EVERYBODY = Audience(filter={"match": "all", "groups": []})
STEPS = (0, 90, 24 * 60)
"""Minutes after which the steps of every new friend are due."""
DUE = """
select * from (
  select 'inbox' as what, count(*) as n from inbox where state = 'new'
  union all select 'requests', count(*) from request
    where generation > settled_generation and dead_at is null and next_try_at <= :now
  union all select 'urgent', count(*) from urgent_event where done_at is null
  union all select 'presses', count(*) from card_press where state = 'new'
  union all select 'cards', count(*) from card_due
  union all select 'marks', count(*) from sop_mark
  union all select 'messages', count(*) from outbox where state in ('due', 'queued') and channel <> 'webhook'
    and (next_try_at <= :now or first_unknown_at is not null)
  union all select 'recalls', count(*) from outbox
    where recall = 'wanted' and state = 'sent' and folds = 1 and next_try_at <= :now
  union all select 'clocks', count(*) from reminder_clock where next_at <= :now or cursor is not null
  union all select 'events', count(*) from chat_event where remind_at <= :now and cancelled_at is null
  union all select 'steps', count(*) from sop_enrolment e join sop_rule r on r.tenant_id = e.tenant_id
    and r.id = e.rule_id where e.state = 'running' and r.state = 'running' and e.next_at <= :now
) found where n > 0
"""
"""All that somebody has to do by now."""
LEFT = """
select 'outbox' as what, notice || ' ' || state || ' ' || coalesce(last_error, '') as which, count(*) n from outbox
  where state in ('due', 'queued') or lease_until is not null group by 1, 2
union all select 'press', state || ' ' || coalesce(why, ''), count(*) from card_press
  where state <> 'done' group by 1, 2
union all select 'request', coalesce(last_error, ''), count(*) from request
  where generation > settled_generation or dead_at is not null group by 1, 2
union all select 'urgent', '', count(*) from urgent_event where done_at is null group by 1, 2
union all select 'inbox', state, count(*) from inbox where state <> 'routed' group by 1, 2
union all select 'clock', kind, count(*) from reminder_clock where cursor is not null group by 1, 2
union all select 'recall', state, count(*) from outbox where recall = 'wanted' group by 1, 2
"""
"""What nobody sees to, or somebody holds for ever."""
_CARD = re.compile(r"gx-(\d+)-")


@dataclass
class Square:
    world: World
    clock_file: Path
    dice: random.Random = field(default_factory=lambda: random.Random(11))
    friends: dict[str, str] = field(default_factory=dict)
    """Customers who are friends, and of whom; who came back is in `returned`."""
    added: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)
    deleted: list[str] = field(default_factory=list)
    events: int = 0
    steady: Sequence[str] = ()
    staged: Sequence[int] = ()
    pressed: set[int] = field(default_factory=set)
    offset_s: float = 0.0
    numbers: int = 0

    @property
    def tenant(self) -> Tenant:
        with self.world.runtime.engine.begin() as connection:
            return load_tenants(connection, self.world.runtime.vault)[0]

    @property
    def now(self) -> datetime:
        return self.world.runtime.clock.now()

    def open(self) -> None:
        """Switch on all that reminds."""
        tenant, now = self.tenant, self.now
        key = self.world.corp.act({"do": "make_robot", "name": "运营群"})["key"]
        self.chat_id = str(self.world.corp.act({"do": "create_chat", "owner": OWNERS[0], "name": "新品"})["chat_id"])
        self.chats_are_known()
        with self.world.runtime.engine.begin() as connection:
            record_policy(connection, tenant.id, Policy(administrators=(BOSS,)), by="test", now=now)
            record_wish(connection, tenant.id, RELATION_LOST, NOT_KNOWN, Wish(administrators=True), by="x", now=now)
            for notice in (RELATION_LOST, SOP_STEP):
                record_dress(connection, tenant.id, notice, Dress(Form.CARD), by="test", now=now)
            add_robot(
                connection, tenant, name="运营群", key=key, notices=[RELATION_LOST], enabled=True, by="x", now=now
            )
            line = record_line(connection, tenant.id, "销售", now=now)
            self.stage = record_stage(connection, tenant, line, "意向", automatic=False, given=None, now=now)
            self.line = line
            watches = [
                Watch(DeletionsOfDay.TYPE, hour=8),
                Watch(LeaverDeadline.TYPE, hour=9, days=(7, 1)),
                Watch(CustomerStageOverstayed.TYPE, self.stage, hour=9, days=(1,)),
                Watch(CustomerNotContacted.TYPE, hour=9, days=(2,)),
            ]
            record_watches(connection, tenant, watches, by="x", now=now)
            steps = tuple(StepDraft(None, "您好 {customer}", after_minutes=minutes) for minutes in STEPS)
            draft = Draft("customer", Trigger("friend"), EVERYBODY, steps, (), Ways(late_s=2 * 86_400))
            spec, last = spec_of(draft, None, last_step_id=0, now=now)
            rule = record_rule(
                connection, tenant, name="新客", subject="customer", spec=spec, last_step_id=last, by="x", now=now
            )
            record_state(connection, tenant.id, rule.id, RuleState.RUNNING, by="x", now=now)
            greeting = WelcomeDraft(
                name="all", enabled=True, userids=(), department_ids=(), states=(), weekdays=(), from_time=None,
                until_time=None, priority=0, text="您好，我是{associate}", attachments=(),
            )  # fmt: skip
            make_rule(connection, tenant.id, greeting, by="x", now=now)

    def chats_are_known(self) -> None:
        self.world.corp.flush()
        wait_for(lambda: self.world.number("select count(*) n from group_chat") > 0, "the chat", patience_s=60)

    # What happens

    def pass_time(self, seconds: float) -> None:
        """At WeCom's first, which never sees a moment that has not come there."""
        self.offset_s += seconds
        self.world.corp.post("/sim/clock", {"offset_s": self.offset_s})
        made = self.clock_file.with_suffix(".new")
        made.write_text(str(self.offset_s))
        made.replace(self.clock_file)  # whoever reads it meanwhile finds all of it

    def befriend(self, count: int) -> None:
        for _ in range(count):
            userid = OWNERS[self.numbers % len(OWNERS)]
            self.numbers += 1
            order = {"do": "add", "userid": userid, "name": f"客户{self.numbers:04d}", "welcome": True}
            made = str(self.world.corp.act(order)["external_userid"])
            self.friends[made] = userid
            self.added.append(made)

    def lose(self, count: int) -> None:
        for one in self._some(count):
            self.world.corp.act({"do": "customer_deletes", "userid": self.friends[one], "external_userid": one})
            self.lost[one] += 1

    def come_back(self, count: int) -> None:
        gone = [one for one in self.friends if self.lost[one] > self.returned[one]]
        for one in gone[:count]:
            self.world.corp.act({"do": "add", "userid": self.friends[one], "external_userid": one, "welcome": True})
            self.returned[one] += 1

    def delete(self, count: int) -> None:
        """Associates remove customers: told of in the digest."""
        for one in self._some(count):
            userid = self.friends.pop(one)
            self.world.corp.act({"do": "member_deletes", "userid": userid, "external_userid": one})
            self.deleted.append(one)

    def _some(self, count: int) -> list[str]:
        there = [one for one in self.friends if self.lost[one] == self.returned[one] and one not in self.steady]
        return self.dice.sample(there, min(count, len(there)))

    def plan_chat_event(self, *, in_s: float) -> None:
        """It begins so much later; the owner hears of it an hour before."""
        event = ChatEvent(f"新品会{self.events}", "带样品", self.now + timedelta(seconds=in_s), 60, [self.chat_id])
        with self.world.runtime.engine.begin() as connection:
            plan_event(connection, self.tenant.id, event, by="x", now=self.now)
        self.events += 1

    def enter_stage(self, count: int) -> None:
        """Customers who stay for good: they are in it for too long one day."""
        self.steady = self.added[:count]
        with self.world.runtime.engine.begin() as connection:
            self.staged = [
                row["customer_id"]
                for row in fetch_all(
                    connection,
                    "insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom) "
                    "select tenant_id, :line, customer_id, :stage, :now, 'x' from external_contact "
                    "where external_userid = any(:ids) returning customer_id",
                    line=self.line,
                    stage=self.stage,
                    now=self.now,
                    ids=list(self.steady),
                )
            ]
        assert len(self.staged) == count

    def press(self, count: int) -> None:
        """Cards that were not pressed yet, each twice; the second finger may find the card changed already, and so may
        the first: it says that the customer is back.
        """
        cards = [
            one
            for one in self.world.corp.messages()
            if one["msgtype"] == "template_card" and "button" not in one["displayed"]
        ]
        fresh = [one for one in cards if notice_of(one) not in self.pressed and not one["recalled"]]
        for card in fresh[:count]:
            key = card["displayed"]["button_list"][0]["key"]
            order = {"do": "click_card", "userid": card["userid"], "msgid": card["msgid"], "key": key}
            for _ in range(2):
                try:
                    self.world.corp.act(order)
                except RuntimeError as error:
                    assert "replaced" in str(error)
                    break
                self.pressed.add(notice_of(card))

    # How it ends

    def wait_until_quiet(self, *, patience_s: float = 150) -> None:
        self.world.corp.flush()
        try:
            wait_for(self._quiet, "all that is due", patience_s=patience_s)
        except Impatience as error:
            left = (self.world.rows(DUE, now=self.now), self.world.rows(LEFT))
            raise Impatience(f"{error}: {left}") from None

    def _quiet(self) -> bool:
        try:
            spooled = any((self.world.stack.home / "spool").glob("*/*.events"))
            return not spooled and not self.world.rows(DUE, now=self.now)
        except DBAPIError:
            return False

    def check(self) -> None:
        """Each message once, each press once, each welcome once; nothing is left, and nothing is held for ever."""
        self.check_phones()
        self.check_told()
        self.check_presses()
        self.check_welcomes()
        self.check_robots()
        assert self.world.rows(LEFT) == []
        self.world.assert_relations_equal()

    def check_phones(self) -> None:
        """Whatever is sent stands on a phone once, and nothing else does."""
        arrived = Counter(notice_of(one) for one in self.world.corp.messages())
        assert {one: n for one, n in arrived.items() if n != 1} == {}
        sent = self.world.rows("select id from outbox where channel = 'wecom' and state = 'sent'")
        assert {row["id"] for row in sent} == set(arrived)
        assert not [one for one in self._rows_of_messages() if one["dropped"]]
        states = self.world.rows("select distinct state from outbox where channel = 'wecom' order by 1")
        assert {row["state"] for row in states} <= {"sent", "folded", "withdrawn"}

    def _rows_of_messages(self) -> list[dict[str, Any]]:
        found = self.world.corp.get(f"/sim/corps/{self.world.corp.corp_id}/messages")
        rows: list[dict[str, Any]] = found["messages"] if isinstance(found, dict) else found
        return rows

    def told(self, notice: str, *, channel: str = "wecom") -> list[dict[str, Any]]:
        return self.world.rows(
            "select o.recipient, o.state, f.payload from outbox o join fact f on f.id = o.fact_id "
            "and f.tenant_id = o.tenant_id where o.notice = :notice and o.channel = :channel order by o.id",
            notice=notice, channel=channel,
        )  # fmt: skip

    def check_told(self) -> None:
        """Of each thing that happened, one notice for each who is to hear of it."""
        new = Counter(one["payload"]["external_userid"] for one in self.told(NEW_CUSTOMER))
        assert new == Counter(self.added) + self.returned
        lost = Counter(one["payload"]["external_userid"] for one in self.told(RELATION_LOST))
        assert not lost - self.lost
        unsaid = self.lost - lost  # lost and back in one commit: nobody hears of the loss (LOSS-2)
        assert unsaid <= self.returned
        steps = Counter((one["payload"]["enrolment_id"], one["payload"]["step_id"]) for one in self.told(SOP_STEP))
        assert set(steps.values()) == {1}
        stays = Counter(
            one["payload"]["customer_id"] for one in self.told(STAGE_OVERSTAYED) if one["recipient"] != BOSS
        )
        assert stays == Counter(self.staged)
        digests = [one["payload"] for one in self.told(DeletionsOfDay.TYPE)]
        assert len({one["day"] for one in digests}) == len(digests)
        facts = self.world.rows("select payload ->> 'external_userid' as who from fact where type = 'relation_deleted'")
        assert sorted(row["who"] for row in facts) == sorted(self.deleted)
        assert sum(one["count"] for one in digests) == len(self.deleted)
        assert len(self.told(CHAT_EVENT)) == self.events
        last_days = Counter((one["payload"]["userid"], one["payload"]["until"], one["payload"]["days_left"])
                            for one in self.told(LEAVER_DEADLINE))  # fmt: skip
        assert set(last_days.values()) <= {1}

    def check_presses(self) -> None:
        """What a card offers is done once, and each pressed card, or whose customer is back, says so.

        Each code is used once: a card whose customer came back while it was pressed says it twice, with either code.
        """
        cards = [one for one in self.world.corp.messages() if one["msgtype"] == "template_card"]
        changed = {notice_of(one) for one in cards if "button" in one["displayed"]}
        assert self.pressed <= changed
        taken = self.world.corp.get("/sim/calls").get("message/update_template_card", {}).get("0", 0)
        changes = self.world.rows("select natural_key from outbox where channel = 'wecom_card' and state = 'sent'")
        by_card = Counter(int(row["natural_key"].split(":")[1]) for row in changes)
        assert set(by_card) == changed
        assert taken == len(changes), Counter(by_card.values())
        both = {card for card, n in by_card.items() if n > 1}
        assert both <= self.pressed
        assert max(by_card.values(), default=0) <= 2
        rows = self.world.rows("select distinct notice, card_id from card_press p join outbox o on o.id = p.card_id")
        assert {row["card_id"] for row in rows} == self.pressed
        tasks = self.world.rows("select customer_id, count(*) n from customer_task group by 1")
        losses = sum(1 for row in rows if row["notice"] == RELATION_LOST)
        came_back = self.world.number("select count(distinct card_id) n from card_press where says = 'came_back'")
        assert sum(row["n"] for row in tasks) == losses - came_back
        done = self.world.rows("select payload from fact where type = 'sop_step_done'")
        assert len(done) == sum(1 for row in rows if row["notice"] == SOP_STEP)

    def check_welcomes(self) -> None:
        """A code is used once; what the log says is so, or it says that it does not know."""
        codes = self._look("welcomes")
        assert len(codes) == len(self.added) + self.returned.total()
        said = sum(1 for one in codes if one["said"])
        taken = self.world.corp.get("/sim/calls").get("externalcontact/send_welcome_msg", {}).get("0", 0)
        assert taken == said
        log = self.world.rows("select state, in_doubt, count(*) n from welcome group by 1, 2")
        counts = {(row["state"], row["in_doubt"]): row["n"] for row in log}
        assert sum(counts.values()) == len(codes)
        sure, doubtful = counts.get(("sent", False), 0), sum(n for (_, doubt), n in counts.items() if doubt)
        assert sure <= said <= sure + doubtful
        assert not {state for state, _ in counts} - {"sent", "expired"}

    def check_robots(self) -> None:
        (robot,) = self._look("robots")
        said = Counter(int(re.search(r"[?]n=(\d+)", one["payload"]["content"])[1]) for one in robot["posts"])  # type: ignore[index]
        assert set(said.values()) <= {1}
        rows = self.world.rows("select id, state, folded_into as into from outbox where channel = 'robot'")
        assert {row["id"] for row in rows if row["state"] == "sent"} <= set(said)
        assert {row["state"] for row in rows if row["id"] in said} <= {"sent", "in_doubt"}
        assert {row["state"] for row in rows} <= {"sent", "in_doubt", "folded", "withdrawn"}
        assert {row["into"] for row in rows if row["state"] == "folded"} <= {
            row["id"] for row in rows if row["state"] in ("sent", "in_doubt")
        }
        assert len(rows) == len(self.told(RELATION_LOST))

    def _look(self, name: str) -> list[dict[str, Any]]:
        found = self.world.corp.get(f"/sim/corps/{self.world.corp.corp_id}/look/{name}")
        rows: list[dict[str, Any]] = found[name] if isinstance(found, dict) else found
        return rows

    def summary(self) -> str:
        states = self.world.rows("select channel, state, count(*) n from outbox group by 1, 2 order by 1, 2")
        welcomes = self.world.rows("select state, in_doubt, count(*) n from welcome group by 1, 2 order by 1, 2")
        return (
            f"{ {(r['channel'], r['state']): r['n'] for r in states} }, pressed {len(self.pressed)}, "
            f"welcomes { {(r['state'], r['in_doubt']): r['n'] for r in welcomes} }\n"
        )


def notice_of(message: dict[str, Any]) -> int:
    """The notice that a message on a phone is of."""
    if message["msgtype"] == "template_card":
        found = _CARD.match(message["payload"]["task_id"])
        assert found is not None
        return int(found[1])
    return int(message["payload"]["url"].rpartition("=")[2])


NINE_HOURS = 9 * 3600
SHANGHAI = ZoneInfo("Asia/Shanghai")


def until_ten(now: datetime, zone: ZoneInfo = SHANGHAI) -> float:
    """Seconds until the next ten in the morning: each look of that day is over."""
    local = now.astimezone(zone)
    ten = local.replace(hour=10, minute=0, second=0)
    return ((ten if ten > local else ten + timedelta(days=1)) - local).total_seconds()


def live_through(square: Square, troubles: Sequence[Callable[[], object]]) -> None:
    """A busy hour and the nine after it, over and over, with a trouble at a random moment of each half."""
    pause, halves = threading.Event(), iter(troubles)

    def trouble() -> None:
        if (one := next(halves, None)) is not None:
            pause.wait(square.dice.uniform(0, 2))
            one()

    square.befriend(4)
    square.wait_until_quiet()
    square.enter_stage(4)
    for number in range((len(troubles) + 1) // 2):
        square.come_back(1)
        square.befriend(4)
        square.lose(2)
        square.plan_chat_event(in_s=NINE_HOURS + 1800)
        square.press(3)
        trouble()
        square.delete(1)
        square.press(2)
        square.befriend(2)
        square.wait_until_quiet()
        square.pass_time(NINE_HOURS)
        trouble()
        square.wait_until_quiet()
        sys.stdout.write(f"{number}: {square.summary()}")
    square.pass_time(2 * 86_400)
    square.wait_until_quiet()
    square.pass_time(until_ten(square.now))
    square.wait_until_quiet()
