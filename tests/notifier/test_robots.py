"""Group robots against a simulated WeCom: in administrators' place, each message once, twenty a minute."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from commands.demo_corp import SimulatedCorp, record_demo_corp
from notifier.deliver import Notifier
from notifier.robots import RobotLane, outcome_of
from services.customers.model import RelationLost
from services.notices.log import load_message
from services.notices.model import POOL_GIVEN, RELATION_LOST
from services.notices.store import Caused, record_facts_and_notices
from services.pool.model import PoolCustomersGiven
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.robots.model import TEST, Robot
from services.robots.store import add_robot, change_robot, close_robot, load_robots, want_test
from services.stages.model import CustomerStageChanged
from shared.clock import SystemClock
from shared.db.engine import fetch_all, run
from shared.dead import list_dead, retry_dead
from shared.ids import ExternalUserId, OutboxId, UserId
from shared.outbox import ROBOT, ROBOTS, Delivery, enqueue
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant, load_tenants
from shared.tries import Outcome, begin_try, lease
from shared.vault import Vault
from shared.wecom.clients import Clients
from shared.wecom.errors import UnreachableError, error_for
from shared.withdrawing import withdraw
from tests.conftest import NOW
from tests.failing import BUDGETS, DEADLOCK, LOST, failing

LI, BOSS = UserId("LiNa"), UserId("WangFang")


class Group:
    """Administrators' group with a robot that tells them of losses."""

    def __init__(self, runtime: Runtime, corp: SimulatedCorp, pool: ThreadPoolExecutor, clock_file: Path) -> None:
        self.runtime, self.corp, self.pool, self.clock_file = runtime, corp, pool, clock_file
        self.key: str = corp.act({"do": "make_robot", "name": "运营群"})["key"]
        with runtime.engine.begin() as connection:
            self.tenant: Tenant = load_tenants(connection, runtime.vault)[0]
            t, now = self.tenant.id, runtime.clock.now()
            record_policy(connection, t, Policy(administrators=(BOSS,)), by="test", now=now)
            record_wish(connection, t, RELATION_LOST, NOT_KNOWN, Wish(administrators=True), by="test", now=now)
            add_robot(connection, self.tenant, name="运营群", key=self.key, notices=[RELATION_LOST], enabled=True,
                      by="test", now=now)  # fmt: skip
        self.clients = Clients(runtime, connections=2)

    def lose(self, count: int = 1) -> None:
        with self.runtime.engine.begin() as connection:
            now = self.runtime.clock.now()
            facts = [RelationLost(occurred_at=now, userid=LI, external_userid=ExternalUserId(f"wm{n}"), evidenced=True)
                     for n in range(count)]  # fmt: skip
            caused = [Caused(one, "event") for one in facts]
            record_facts_and_notices(connection, self.tenant, caused, now=now, ttl_s=86_400)

    def say(self, count: int) -> None:
        """Things that are told one by one."""
        with self.runtime.engine.begin() as connection:
            now = self.runtime.clock.now()
            some = [Delivery(f"said:{n}", None, TEST, ROBOT, "robot:1", [], now + timedelta(days=1))
                    for n in range(count)]  # fmt: skip
            enqueue(connection, self.tenant.id, some, now=now)

    def speak(self) -> None:
        lane = RobotLane(self.runtime, self.clients)
        while lane.speak_due():
            pass

    def posts(self) -> list[dict[str, Any]]:
        (robot,) = self.corp.get(f"/sim/corps/{self.corp.corp_id}/look/robots")
        return list(robot["posts"])

    def later(self, seconds: float) -> None:
        """Time passes, here and in WeCom."""
        self.clock_file.write_text(str(seconds))
        self.corp.post("/sim/clock", {"offset_s": seconds})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]

    def robot(self) -> Robot:
        with self.runtime.engine.begin() as connection:
            return load_robots(connection, self.tenant)[0]


@pytest.fixture
def group(engine: Engine, redis_url: str, vault: Vault, simulator_url: str, tmp_path: Path) -> Iterator[Group]:
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    settings = Settings(_env_file=None, wecom_base_url=simulator_url, wecom_read_timeout_s=1)
    clock_file = tmp_path / "clock"
    runtime = Runtime(settings, SystemClock(clock_file), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with ThreadPoolExecutor(2) as pool:
        yield Group(runtime, corp, pool, clock_file)


STATES = "select channel, state, count(*) from outbox group by 1, 2 order by 1, 2"


def test_a_robot_tells_administrators_in_their_place_whose_customer_it_was(group: Group):
    """One post in the group, none on the administrator's phone; the associate hears of it as ever (LOSS-2)."""
    group.lose()
    assert group.rows("select channel, recipient, about from outbox order by id") == [
        ("wecom", LI, None),
        ("robot", "robot:1", LI),
    ]
    group.speak()
    Notifier(group.runtime, clients=group.clients, pool=group.pool).deliver_due()
    (post,) = group.posts()
    assert post["msgtype"] == "markdown" and "客户流失：wm0" in post["payload"]["content"]
    assert (len(group.corp.messages(LI)), len(group.corp.messages(BOSS))) == (1, 0)
    assert group.rows(STATES) == [("robot", "sent", 1), ("wecom", "sent", 1)]


def test_a_robot_says_twenty_things_a_minute_and_all_of_them(group: Group):
    """WeCom refuses the twenty-first of a minute; here none is refused, and none is lost (G6)."""
    group.say(25)
    said = []
    for seconds in range(0, 150, 5):
        group.later(seconds)
        group.speak()
        said.append(len(group.posts()))
    assert said[-1] == 25
    assert max(later - now for now, later in zip(said, said[12:], strict=False)) <= 20
    assert group.rows("select count(*) from attempt where code is not null") == [(0,)]


def test_after_a_45009_the_robot_rests_as_a_whole(group: Group):
    """Somebody else speaks with the same key: nothing is tried until the minute is over (G6)."""
    group.corp.post("/sim/faults", {"path": "webhook/send", "errcode": 45009, "times": 1})
    group.say(3)
    group.speak()
    assert group.posts() == []
    assert group.rows("select count(*), max(code) from attempt") == [(1, 45009)]
    group.later(66)
    group.speak()
    assert len(group.posts()) == 3


def test_without_an_answer_a_post_is_in_doubt_and_never_said_again(group: Group):
    """No duplicate check exists for robots: whoever looks decides (G5)."""
    group.corp.post("/sim/faults", {"path": "webhook/send", "hang_s": 3, "times": 1})
    group.lose()
    group.speak()
    group.later(3600)
    group.speak()
    assert len(group.posts()) == 1
    assert group.rows("select state from outbox where channel = 'robot'") == [("in_doubt",)]
    with group.runtime.engine.begin() as connection:
        (dead,) = [one for one in list_dead(connection, limit=9) if "in_doubt" in one["reason"]]
        assert retry_dead(connection, dead["id"], now=group.runtime.clock.now())
    group.speak()
    assert len(group.posts()) == 2


@pytest.mark.parametrize("why", [DEADLOCK, LOST])
def test_a_database_that_fails_before_the_call_leaves_no_post_in_doubt(group: Group, why: str):
    """The try was noted, the robot's turn was not given: certainly nothing was sent, so it is said in a moment (G5)."""
    group.lose()
    with failing(group.runtime.engine, BUDGETS, why) as failed:
        group.speak()
    assert failed and group.posts() == []
    assert group.rows("select outcome, finished_at is not null from attempt") == [("retry", True)]
    group.later(2)
    group.speak()
    assert len(group.posts()) == 1
    assert group.rows("select state from outbox where channel = 'robot'") == [("sent",)]


@pytest.mark.parametrize(("said", "call"), [(1, {}), (0, {"path": "webhook/send", "errcode": -1, "times": 1})])
def test_how_a_try_ended_is_noted_when_the_database_is_back(group: Group, said: int, call: dict[str, Any]):
    """What the process knows is not in doubt, however long the database was away (G5)."""
    group.corp.post("/sim/faults", call or {"clear": True})
    group.lose()
    lane = RobotLane(group.runtime, group.clients)
    with failing(group.runtime.engine, "update attempt", LOST, times=2):
        for _ in range(2):
            with pytest.raises(OperationalError):
                lane.speak_due()
    assert group.rows("select outcome from attempt") == [("started",)]
    group.later(61)
    lane.speak_due()
    assert len(group.posts()) == 1
    assert group.rows("select state, attempts from outbox where channel = 'robot'") == [("sent", 2 - said)]


def test_how_a_try_ended_is_noted_although_another_was_in_the_way(group: Group):
    """A deadlock costs the transaction another start, not the post its end (G5)."""
    group.lose()
    with failing(group.runtime.engine, "update attempt") as failed:
        group.speak()
    assert failed
    assert group.rows("select state from outbox where channel = 'robot'") == [("sent",)]


@pytest.mark.parametrize(("times", "ends"), [(2, ("sent", 3, None)), (9, ("dead", 5, "could not be rendered"))])
def test_a_post_that_cannot_be_rendered_is_tried_a_few_times(group: Group, times: int, ends: tuple[object, ...]):
    """As people's messages are; what is wrong may pass (G5)."""
    group.lose()
    with group.runtime.engine.begin() as connection:
        run(connection, "update outbox set notice = 'no_such_notice' where channel = 'robot'")
    for n in range(7):
        if n == times:
            with group.runtime.engine.begin() as connection:
                run(connection, "update outbox set notice = 'relation_lost' where channel = 'robot'")
        group.later(600 * n)
        group.speak()
    assert len(group.posts()) == (ends[0] == "sent")
    assert group.rows("select state, attempts, last_error from outbox where channel = 'robot'") == [ends]


def test_a_process_that_was_killed_in_a_call_leaves_a_post_in_doubt(group: Group):
    """The try was noted before the call: nobody knows whether it came to it (G5)."""
    group.lose()
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        (held,) = lease(connection, ROBOTS, limit=1, now=now, lease_s=60, without=[])
        begin_try(connection, held, body=None, counts_for=held.recipient, now=now, lease_s=60)
    group.speak()
    assert group.rows("select state from outbox where channel = 'robot'") == [("queued",)]
    group.later(61)
    group.speak()
    assert group.posts() == []
    assert group.rows("select state from outbox where channel = 'robot'") == [("in_doubt",)]


def test_a_robot_whose_key_is_refused_falls_silent_and_administrators_hear_for_themselves(group: Group):
    """93000: its losses go to people, once, as do later ones until the key is another one (LOSS-2)."""
    group.corp.act({"do": "remove_robot", "key": group.key})
    group.lose(3)
    group.speak()
    assert group.rows(STATES) == [("robot", "folded", 2), ("robot", "refused", 1), ("wecom", "due", 6)]
    problem = group.robot().problem
    assert problem is not None and "93000" in problem and group.key not in problem
    assert group.rows("select recipient, about, count(*) from outbox where channel = 'wecom' group by 1, 2") == [
        (LI, None, 3), (BOSS, LI, 3),
    ]  # fmt: skip
    Notifier(group.runtime, clients=group.clients, pool=group.pool).deliver_due()
    assert len(group.corp.messages(BOSS)) == 1
    group.lose()
    assert group.rows("select recipient from outbox where state = 'due' order by id") == [(LI,), (BOSS,)]
    with group.runtime.engine.begin() as connection:
        robot = load_robots(connection, group.tenant)[0]
        wanted = {"key": group.corp.act({"do": "make_robot"})["key"]}
        changed = change_robot(connection, group.tenant, robot, wanted, by="test", now=group.runtime.clock.now())
    assert changed.speaks


def test_a_test_message_goes_the_same_way(group: Group):
    """Through the outbox, also for a robot that is switched off (G5)."""
    with group.runtime.engine.begin() as connection:
        run(connection, "update group_robot set enabled = false")
        want_test(connection, group.tenant.id, 1, by="api:crm", now=group.runtime.clock.now())
    group.speak()
    (post,) = group.posts()
    assert "测试消息" in post["payload"]["content"]
    assert group.rows("select state, attempts from outbox") == [("sent", 1)]


def test_the_key_is_nowhere_in_the_clear(group: Group):
    """Whoever has it may speak in the group (G10)."""
    group.lose()
    group.speak()
    for table in ("group_robot", "outbox", "attempt"):
        assert group.key not in str(group.rows(f"select * from {table}"))
    assert group.key not in repr(group.robot())


@pytest.mark.parametrize(
    ("error", "outcome", "state"),
    [
        (error_for("webhook/send", 45009, ""), "retry", "queued"),
        (error_for("webhook/send", 93000, ""), "refused", "refused"),
        (error_for("webhook/send", -1, ""), "retry", "queued"),
        (UnreachableError("webhook/send", "refused", maybe_accepted=False), "retry", "queued"),
        (UnreachableError("webhook/send", "no answer", maybe_accepted=True), "unknown", "in_doubt"),
        (ValueError("ours"), "unknown", "in_doubt"),
    ],
)
def test_what_may_have_been_heard_is_never_said_again(error: Exception, outcome: str, state: str):
    """Only what WeCom certainly did not take is tried again (G5)."""
    found: Outcome = outcome_of(error, tries=1, now=NOW)
    assert (found.outcome, found.state) == (outcome, state)
    assert (found.next_try_at is not None) == (state == "queued")
    assert found.next_try_at is None or found.next_try_at - NOW <= timedelta(seconds=66)


def test_an_answer_of_busy_is_not_tried_for_ever():
    """After some tries a post that WeCom keeps refusing is given up, visibly (G5)."""
    assert outcome_of(error_for("webhook/send", -1, ""), tries=8, now=NOW).state == "dead"
    assert replace(outcome_of(error_for("webhook/send", 45009, ""), tries=8, now=NOW)).state == "queued"


def test_only_what_wecom_answered_costs_patience(group: Group):
    """A pace that is kept and a wire that is broken are no refusals: after a hundred of them it is still said (G5)."""
    group.say(1)
    with group.runtime.engine.begin() as connection:
        run(connection, "update outbox set attempts = 100 where channel = 'robot'")
        run(connection, "insert into attempt (tenant_id, parent_kind, parent_id, number, recipient, started_at, "
            "outcome, code) select tenant_id, 'outbox', id, n, recipient, :now, 'retry', "
            "case n % 2 when 0 then 45009 end "
            "from outbox cross join generate_series(1, 100) n", now=group.runtime.clock.now())  # fmt: skip
    group.corp.post("/sim/faults", {"path": "webhook/send", "errcode": -1, "times": 1})
    group.speak()
    assert group.rows("select state, attempts from outbox") == [("queued", 101)]
    group.later(16)
    group.speak()
    assert group.rows("select state, attempts from outbox") == [("sent", 102)]


def test_a_backlog_of_one_kind_is_one_post_with_its_count(group: Group):
    """As on phones: one at once, what gathers within the minute together (LOSS-2)."""
    group.lose()
    group.speak()
    group.lose(30)
    group.speak()
    assert len(group.posts()) == 1
    group.later(61)
    group.speak()
    assert len(group.posts()) == 2
    assert "30" in group.posts()[1]["payload"]["content"].splitlines()[0]
    assert group.rows("select state, folds from outbox where channel = 'robot' order by 1 desc, 2 limit 3") == [
        ("sent", 1), ("sent", 30), ("folded", 1),
    ]  # fmt: skip
    assert group.rows("select count(*) from attempt") == [(2,)]


def test_after_a_downtime_one_post_tells_of_what_is_not_too_old(group: Group):
    """What expired is closed without a try; nothing floods the group (LOSS-2)."""
    group.lose(25)
    group.later(86_400 * 0.9)
    group.lose(25)
    group.later(86_400 * 1.5)
    group.speak()
    assert len(group.posts()) == 1
    assert group.rows("select state, count(*) from outbox where channel = 'robot' group by 1 order by 1") == [
        ("expired", 25), ("folded", 24), ("sent", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    ["update group_robot set enabled = false", "update group_robot set problem = 'gone'", "delete from group_robot"],
)
def test_what_waits_for_a_robot_that_speaks_no_more_is_passed_on(group: Group, change: str):
    """Switched off, refused or deleted: administrators hear of it themselves, nobody's own matter to them (LOSS-2)."""
    group.lose(2)
    with group.runtime.engine.begin() as connection:
        run(connection, change)
    group.speak()
    assert group.posts() == []
    assert (
        group.rows("select state, recipient, about from outbox where channel = 'wecom' and recipient <> 'LiNa'")
        == [("due", BOSS, LI)] * 2
    )


def test_what_a_robot_said_stands_in_the_log_and_what_vanished_is_not_said(group: Group):
    """Its words can be read; a loss that came back before it was told is told by no robot either (LOSS-2)."""
    group.lose()
    group.speak()
    group.lose()
    ((sent,), (waiting,)) = group.rows("select id from outbox where channel = 'robot' order by id")
    with group.runtime.engine.begin() as connection:
        message = load_message(connection, group.tenant, OutboxId(sent))
        assert message is not None and "客户流失" in message["content"]
        reasons = {row["reason"] for row in fetch_all(connection, "select reason from outbox")}
        withdraw(connection, group.tenant.id, dict.fromkeys(reasons), now=group.runtime.clock.now())
    assert group.rows("select id, state, recall from outbox where channel = 'robot' order by id") == [
        (sent, "sent", None), (waiting, "withdrawn", None),
    ]  # fmt: skip
    group.speak()
    assert len(group.posts()) == 1


def test_while_a_robot_rests_nobody_holds_what_it_is_to_say(group: Group):
    """A backlog costs the database nothing until the robot may speak again; a try has the whole lease for itself."""
    group.say(3)
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        close_robot(connection, group.tenant.id, group.robot().id, until=now + timedelta(seconds=65), now=now)
    assert RobotLane(group.runtime, group.clients).speak_due() == 0
    assert group.rows("select max(fence) from outbox where channel = 'robot'") == [(0,)]
    group.later(66)
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        (held,) = lease(connection, ROBOTS, limit=1, now=now, lease_s=60, without=[])
        begin_try(connection, held, body=None, counts_for=None, now=now + timedelta(seconds=50), lease_s=60)
        (left,) = [row["lease_until"] - now for row in fetch_all(
            connection, "select lease_until from outbox where id = :id", id=held.id)]  # fmt: skip
    assert left == timedelta(seconds=110)


def test_however_often_a_robot_was_tried_there_is_a_next_time():
    """Refused for its pace all day long, it waits its minute each time, and nothing overflows (G6)."""
    found = outcome_of(error_for("webhook/send", 45009, ""), tries=5_000, now=NOW)
    assert (found.state, found.next_try_at) == ("queued", NOW + timedelta(seconds=65))


def test_what_was_told_with_another_meanwhile_is_not_passed_on_as_well(group: Group):
    """It was held in the same batch; while the batch went on the robot was switched off (LOSS-2)."""
    group.lose(2)
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        first, second = lease(connection, ROBOTS, limit=2, now=now, lease_s=60, without=[])
    lane = RobotLane(group.runtime, group.clients)
    lane._speak(group.tenant, first)
    with group.runtime.engine.begin() as connection:
        run(connection, "update group_robot set enabled = false")
    lane._speak(group.tenant, second)
    assert len(group.posts()) == 1
    assert group.rows("select count(*) from outbox where recipient = 'WangFang'") == [(0,)]


def speak_of(group: Group, notice: str) -> None:
    """The robot tells of this kind, each at once."""
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        (robot,) = load_robots(connection, group.tenant)
        change_robot(connection, group.tenant, robot, {"notices": [notice]}, by="x", now=now)
        at_once = Wish(enabled=True, administrators=True, gather_s=0, apart_s=0)
        record_wish(connection, group.tenant.id, notice, NOT_KNOWN, at_once, by="x", now=now)


def test_a_robot_does_not_tell_of_nobody_to_add(group: Group):
    """All that were given were taken away again before it spoke (POOL-7)."""
    speak_of(group, POOL_GIVEN)
    now = group.runtime.clock.now()
    given = PoolCustomersGiven(
        occurred_at=now, userid=LI, count=2, customer_id=None, since=now.isoformat(), until=now.isoformat()
    )
    with group.runtime.engine.begin() as connection:
        record_facts_and_notices(connection, group.tenant, [Caused(given, "operator")], now=now, ttl_s=86_400)
    group.speak()
    assert group.posts() == []
    assert group.rows("select state from outbox where channel = 'robot'") == [("withdrawn",)]


def test_a_robot_asks_for_the_stage_of_each_that_it_tells_of(group: Group):
    """Those of a stage that is off by now are not among what it tells with another one (STG-4)."""
    speak_of(group, "stage_changed")
    now = group.runtime.clock.now()
    with group.runtime.engine.begin() as connection:
        rows = fetch_all(connection, "insert into customer (tenant_id, created_at, assigned_userid) "
                         "values (1, :now, 'LiNa'), (1, :now, 'LiNa') returning id", now=now)  # fmt: skip
        by = {"line_id": 1, "from_stage_id": None, "why": "hand"}
        moved = [
            CustomerStageChanged(occurred_at=now, customer_id=row["id"], to_stage_id=stage, **by)
            for row, stage in zip(rows, (1, 2), strict=True)
        ]
        caused = [Caused(one, "operator") for one in moved]
        record_facts_and_notices(connection, group.tenant, caused, now=now, ttl_s=86_400)
        record_wish(connection, group.tenant.id, "stage_changed", 2, Wish(enabled=False), by="x", now=now)
    group.speak()
    told = group.rows("select state, folds from outbox where channel = 'robot' order by id")
    assert told == [("sent", 1), ("withdrawn", 1)]


def test_a_post_whose_own_matter_stands_is_said(group: Group):
    """It was refused for the moment; only the second of its two losses is none any more (LOSS-2)."""
    group.corp.post("/sim/faults", {"path": "webhook/send", "errcode": -1, "times": 1})
    group.lose(2)
    group.speak()
    (*_, (second,)) = group.rows("select reason from outbox where channel = 'robot' order by id")
    with group.runtime.engine.begin() as connection:
        withdraw(connection, group.tenant.id, {str(second): None}, now=group.runtime.clock.now())
    group.later(120)
    group.speak()
    assert len(group.posts()) == 1


def test_a_post_of_which_nothing_stands_any_more_is_not_said(group: Group):
    """Its first try was refused for its pace; what of it has been said is not taken back (LOSS-2)."""
    group.corp.post("/sim/faults", {"path": "webhook/send", "errcode": 45009, "times": 1})
    group.lose(3)
    group.speak()
    with group.runtime.engine.begin() as connection:
        reasons = {row["reason"] for row in fetch_all(connection, "select reason from outbox")}
        withdraw(connection, group.tenant.id, dict.fromkeys(reasons), now=group.runtime.clock.now())
    group.later(70)
    group.speak()
    assert group.posts() == []
    assert group.rows("select state, recall from outbox where folds = 3") == [("withdrawn", "failed")]


def test_administrators_hear_of_what_waited_for_a_deleted_robot_whatever_the_policy(group: Group):
    """It was to speak in their place: nobody is told instead of somebody else (LOSS-2)."""
    with group.runtime.engine.begin() as connection:
        policy = Policy(administrators=(BOSS,), undeliverable="nobody")
        record_policy(connection, group.tenant.id, policy, by="test", now=group.runtime.clock.now())
    group.lose(2)
    with group.runtime.engine.begin() as connection:
        run(connection, "delete from group_robot")
    group.speak()
    assert group.rows("select count(*) from outbox where recipient = 'WangFang'") == [(2,)]


def test_a_robot_rests_no_longer_than_may_be_whatever_the_clock_showed(group: Group):
    """Closed by a clock three days ahead: once it is right the robot speaks; an hour is the longest (LOSS-2)."""
    days = timedelta(days=3)
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        close_robot(connection, group.tenant.id, group.robot().id, until=now + 2 * days, now=now + days)
    assert group.robot().closed_until == now + days + timedelta(hours=1)
    group.lose(2)
    group.speak()
    assert len(group.posts()) == 1


def test_what_waits_for_a_robot_that_rests_expires_all_the_same(group: Group):
    """Nobody holds it, and it is closed when it is too old (G5)."""
    group.lose(2)
    group.later(2 * 86_400)
    with group.runtime.engine.begin() as connection:
        now = group.runtime.clock.now()
        close_robot(connection, group.tenant.id, group.robot().id, until=now + timedelta(minutes=1), now=now)
    group.speak()
    assert group.rows(STATES) == [("robot", "expired", 2), ("wecom", "due", 2)]
