"""Delivery against a simulated WeCom: each message once, none held up by another."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from commands.waiting import wait_for
from shared.clock import FixedClock, SystemClock
from shared.db.engine import run
from shared.ids import TenantId
from shared.message_days import add_person_times, left_today, next_day
from shared.outbox import Delivery, enqueue
from tests.failing import BUDGETS, DEADLOCK, LOST, failing
from tests.notifier.desk import Desk
from tests.shared.corps import record_closed_corp


def test_accepted_and_then_timed_out_is_sent_again_and_delivered_once(desk: Desk) -> None:
    """The repeat has the same bytes, WeCom recognises it, the phone shows one message (G5)."""
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.lose()
    desk.notifier().deliver_due()
    assert desk.rows("select state, first_unknown_at is not null from outbox") == [("due", True)]
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state, attempts from outbox") == [("sent", 2)]
    assert desk.rows("select number, outcome from attempt order by number") == [(1, "unknown"), (2, "accepted")]
    assert len(desk.corp.messages("LiNa")) == 1


def test_a_message_that_cannot_be_rendered_holds_up_no_other(desk: Desk) -> None:
    """It is tried a few times and given up, visibly; the next one arrives at once (G5)."""
    desk.lose()
    with desk.runtime.engine.begin() as connection:
        run(connection, "update outbox set notice = 'no_such_notice'")
    desk.lose()
    for _ in range(6):
        desk.notifier().deliver_due()
        desk.due_now()
    assert desk.rows("select state, attempts from outbox order by id") == [("dead", 5), ("sent", 1)]
    assert len(desk.corp.messages("LiNa")) == 1


def test_an_app_without_an_agent_id_sends_as_soon_as_it_has_one(desk: Desk) -> None:
    """Nothing is rendered for good without it (G5)."""
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = null")
    desk.lose()
    desk.notifier().deliver_due()
    assert desk.rows("select state, body is null from outbox") == [("due", True)]
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = 1000002")
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state from outbox") == [("sent",)]


def test_a_message_waits_for_the_agent_id_until_it_is_too_old(desk: Desk) -> None:
    """A person has to add it: that costs no tries, however long it takes; its log says why it waits (G5)."""
    desk.stop_the_clock()
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = null")
    desk.lose(ttl_s=7200)
    desk.lose(1, userid="ZhaoMin", ttl_s=1800)
    for _ in range(60):
        desk.deliver(after_s=60)
    assert desk.rows("select recipient, state, attempts, last_error from outbox order by id") == [
        ("LiNa", "due", 0, "the app has no agent_id"),
        ("ZhaoMin", "expired", 0, "the app has no agent_id"),
    ]
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = 1000002")
    desk.deliver(after_s=60)
    assert desk.texts("LiNa") == ["客户流失：wm0"]
    assert desk.rows("select state, last_error from outbox where recipient = 'LiNa'") == [("sent", None)]


def test_a_message_that_has_its_bytes_needs_no_agent_id_any_more(desk: Desk) -> None:
    """They name the app already, and WeCom recognises them as a repeat only for hours (G5)."""
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.lose()
    desk.notifier().deliver_due()
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = null")
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state, attempts from outbox") == [("sent", 2)]


@pytest.mark.parametrize("why", [DEADLOCK, LOST])
def test_a_message_before_which_the_database_failed_was_certainly_not_sent(desk: Desk, why: str) -> None:
    """It may still be withdrawn and expire, and takes nothing of the app's day (G5, G6)."""
    desk.lose()
    desk.corp.post("/sim/faults", {"clear": True})
    with failing(desk.runtime.engine, BUDGETS, why) as failed:
        desk.notifier().deliver_due()
    assert failed
    assert desk.rows("select state, first_unknown_at from outbox") == [("due", None)]
    assert desk.rows("select person_times from message_day") == [(0,)]
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state, attempts from outbox") == [("sent", 2)]
    assert len(desk.corp.messages("LiNa")) == 1


def test_how_a_message_went_is_noted_although_another_was_in_the_way(desk: Desk) -> None:
    """A deadlock costs the transaction another start, not the message another try (G5)."""
    desk.lose()
    with failing(desk.runtime.engine, "update attempt") as failed:
        desk.notifier().deliver_due()
    assert failed
    assert desk.rows("select state, attempts from outbox") == [("sent", 1)]


def test_a_corp_whose_keys_do_not_open_holds_up_no_other(desk: Desk) -> None:
    """Its messages wait, the others' go (G5)."""
    desk.lose()
    now = desk.runtime.clock.now()
    with desk.runtime.engine.begin() as connection:
        closed = record_closed_corp(connection, now=now - timedelta(minutes=1))
        waiting = Delivery("x", None, "relation_lost", "wecom", "X", [], now + timedelta(days=1))
        enqueue(connection, closed, [waiting], now=now - timedelta(minutes=1))
    desk.deliver()
    assert desk.texts("LiNa") == ["客户流失：wm0"]
    assert desk.rows("select state, attempts from outbox order by id") == [("sent", 1), ("due", 0)]


def test_a_members_thirty_first_message_of_a_minute_waits(desk: Desk) -> None:
    """WeCom would drop it without saying so (G6)."""
    desk.fail(35)
    while desk.notifier().deliver_due():
        pass
    assert desk.rows("select state, count(*) from outbox group by 1 order by 1") == [("due", 5), ("sent", 30)]
    assert len(desk.corp.messages("LiNa")) == 30


def test_a_hundred_reminders_for_one_member_arrive_thirty_a_minute(desk: Desk, tmp_path: Path) -> None:
    """Thirty at once, the rest minute by minute, none dropped, whatever is flushed meanwhile (G5, G6)."""
    clock_file = tmp_path / "clock"
    desk.runtime = replace(desk.runtime, clock=SystemClock(clock_file))
    desk.fail(100)
    arrived = []
    for minute in range(5):
        clock_file.write_text(str(minute * 71))
        desk.corp.post("/sim/clock", {"offset_s": minute * 71})
        while desk.notifier().deliver_due():
            desk.runtime.redis.flushall()
        arrived.append(len(desk.corp.messages("LiNa")))
    assert arrived == [30, 60, 90, 100, 100]


def test_the_apps_day_is_shared_by_all_notifiers_and_ends_at_midnight_in_china(desk: Desk, tmp_path: Path) -> None:
    """One account may be sent 200 messages a day: the rest waits for the next one (G6)."""
    clock_file = tmp_path / "clock"
    desk.runtime = replace(desk.runtime, clock=SystemClock(clock_file))
    with desk.runtime.engine.begin() as connection:
        run(connection, "update tenant set accounts = 1")
        left = left_today(connection, TenantId(1), accounts=1, now=desk.runtime.clock.now())
        add_person_times(connection, TenantId(1), left - 3, now=desk.runtime.clock.now())
    desk.fail(5)
    while desk.notifier().deliver_due() or desk.notifier().deliver_due():
        pass
    assert desk.rows("select state, count(*) from outbox group by 1 order by 1") == [("due", 2), ("sent", 3)]
    tomorrow = next_day(desk.runtime.clock.now())
    assert desk.rows("select distinct next_try_at from outbox where state = 'due'") == [(tomorrow,)]
    clock_file.write_text(str((tomorrow - desk.runtime.clock.now()).total_seconds() + 1))
    while desk.notifier().deliver_due():
        pass
    assert desk.rows("select state, count(*) from outbox group by 1") == [("sent", 5)]


def test_a_message_that_wecom_certainly_did_not_take_costs_nothing_of_the_day(desk: Desk) -> None:
    """Only what may have been sent counts (G6)."""
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 1})
    desk.lose()
    desk.notifier().deliver_due()
    assert desk.rows("select person_times from message_day") == [(0,)]
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select person_times from message_day") == [(1,)]


def test_a_message_refused_after_midnight_is_given_back_to_the_day_it_was_taken_from(desk: Desk) -> None:
    """Else the new day would have one more than WeCom allows (G6)."""
    midnight = next_day(desk.runtime.clock.now())
    clock = FixedClock(midnight - timedelta(seconds=1))
    desk.runtime = replace(desk.runtime, clock=clock)
    with desk.runtime.engine.begin() as connection:
        left_today(connection, TenantId(1), accounts=1, now=midnight)
        add_person_times(connection, TenantId(1), 5, now=midnight)
    desk.lose()
    desk.corp.post(
        "/sim/faults", [{"path": "message/send", "errcode": -1}, {"path": "message/send", "latency_ms": 700}]
    )
    delivering = threading.Thread(target=desk.notifier().deliver_due)
    delivering.start()
    wait_for(lambda: desk.rows("select 1 from attempt") != [], "the try")
    clock.advance(2)
    delivering.join()
    assert desk.rows("select person_times from message_day order by day") == [(0,), (5,)]


@pytest.mark.parametrize(("signed_in", "most_tries"), [(True, 10 * 8 + 20), (False, 0)])
def test_while_wecom_is_down_little_is_tried_and_nothing_is_lost(
    desk: Desk, tmp_path: Path, signed_in: bool, most_tries: int
) -> None:
    """A batch finds out, then one a minute; without a token none is tried; all arrive once when it is back (G5)."""
    clock_file = tmp_path / "clock"
    desk.runtime = replace(desk.runtime, clock=SystemClock(clock_file))
    notifier = desk.notifier()
    desk.fail(1 if signed_in else 0)
    notifier.deliver_due()
    desk.fail(20)
    desk.corp.post("/sim/faults", {"down": "502"})
    for minute in range(10):
        clock_file.write_text(str(minute * 60))
        while notifier.deliver_due():
            pass
    ((tries,),) = desk.rows("select count(*) from attempt where outcome <> 'accepted'")
    assert tries <= most_tries
    desk.corp.post("/sim/faults", {"clear": True})
    for minute in range(10, 14):
        clock_file.write_text(str(minute * 60))
        desk.corp.post("/sim/clock", {"offset_s": minute * 60})
        while notifier.deliver_due():
            pass
    assert desk.rows("select state, count(*) from outbox group by 1") == [("sent", 20 + signed_in)]
    assert len(desk.corp.messages("LiNa")) == 20 + signed_in


def test_a_try_noted_by_a_clock_that_ran_ahead_is_in_doubt_once_it_is_put_right(desk: Desk) -> None:
    """When WeCom forgets it nobody knows; when its time comes it would look as if it were just tried (G5)."""
    clock = desk.stop_the_clock()
    right = clock.present
    clock.advance(8 * 3600)
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 2, "times": 1})
    desk.lose(3)
    desk.deliver()
    desk.at(right + timedelta(minutes=1))
    desk.deliver()
    desk.deliver(after_s=8.1 * 3600)
    assert desk.rows("select state, attempts from outbox where folds = 3") == [("in_doubt", 1)]
    assert len(desk.corp.messages("LiNa")) == 1


def test_clocks_that_differ_by_some_minutes_leave_a_try_what_it_is(desk: Desk) -> None:
    """Another notifier's clock is three minutes ahead: its try is repeated when it may be (G5)."""
    clock = desk.stop_the_clock()
    right = clock.present
    clock.advance(180)
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 2, "times": 1})
    desk.lose()
    desk.deliver()
    desk.at(right)
    desk.deliver()
    assert desk.rows("select state from outbox") == [("due",)]
    desk.deliver(after_s=360)
    assert desk.rows("select state, attempts from outbox") == [("sent", 2)]
    assert len(desk.corp.messages("LiNa")) == 1


def test_a_member_whom_wecom_does_not_deliver_to_is_parked(desk: Desk) -> None:
    """Refused for good, with the reason; nothing is sent again and again (G5)."""
    desk.lose(userid="Nobody")
    desk.notifier().deliver_due()
    assert desk.rows("select state from outbox") == [("refused",)]
