"""What waits follows what was changed since it was queued: settings, the customers it tells of, who can be reached."""

from datetime import datetime, time, timedelta

import pytest

from services.notices.review import review_page
from services.notices.store import Caused, record_facts_and_notices
from services.pool.giving import assign
from services.pool.moving import NOBODYS, release, release_of, returned_facts
from services.pool.telling import tell_given
from services.reminders.model import Policy, Quiet, Wish
from services.reminders.store import delete_own_quiet, record_own_quiet, record_wish
from services.stages.model import CustomerStageChanged
from services.watching.model import ChatEventDue
from shared.db.engine import run
from shared.ids import CustomerId, UserId
from shared.tenants import load_tenants
from sync_worker.reminding import remind
from tests.notifier.desk import Desk
from tests.notifier.test_folding import EVENING, NIGHT, TENANT, _come_back, set_policy, wish
from tests.services.pool.people import act, add_associates, fill_pool

LINA, WANG = UserId("LiNa"), UserId("WangFang")
MORNING = EVENING + timedelta(hours=10)
"""08:00 in Shanghai."""


def settle(desk: Desk) -> None:
    while remind(desk.runtime):
        pass


def waits_until(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "select recipient, next_try_at, expires_at - next_try_at from outbox where state = 'due' order by id"
    )


def test_changed_quiet_hours_move_what_waits_both_ways(desk: Desk) -> None:
    """Earlier, later, and at once; its time counts from then; who has hours of their own keeps them (LOSS-4)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    with desk.runtime.engine.begin() as connection:
        record_own_quiet(connection, TENANT, WANG, NIGHT, by="test", now=EVENING)
    desk.lose(2, ttl_s=3600)
    desk.lose(1, userid=WANG, ttl_s=3600)
    hour = timedelta(hours=1)
    for quiet, at in (
        (Quiet(time(21), time(6)), MORNING - 2 * hour),
        (Quiet(time(21), time(9)), MORNING + hour),
        (None, EVENING),
    ):
        set_policy(desk, Policy(quiet=quiet))
        settle(desk)
        assert waits_until(desk) == [("LiNa", at, hour)] * 2 + [("WangFang", MORNING, hour)]
    desk.deliver()
    assert desk.texts("LiNa") == ["2 位客户流失"]
    with desk.runtime.engine.begin() as connection:
        delete_own_quiet(connection, TENANT, WANG)
    settle(desk)
    desk.deliver()
    assert desk.texts("WangFang") == ["客户流失：wm0"]
    assert desk.rows("select count(*) from reminder_review") == [(0,)]


def test_what_waits_for_a_minute_after_the_last_waits_on(desk: Desk) -> None:
    """Quiet hours that are changed are no reason to be told sooner (POOL-7)."""
    desk.stop_the_clock(EVENING)
    desk.lose(1)
    desk.deliver()
    desk.lose(1, first=1)
    desk.deliver(after_s=10)
    set_policy(desk, Policy(quiet=Quiet(time(3), time(4))))
    settle(desk)
    assert [row[1] for row in waits_until(desk)] == [EVENING + timedelta(seconds=60)]


def test_a_kind_that_is_switched_off_withdraws_what_waits_of_it(desk: Desk) -> None:
    """Of it only; and by stage only what is of that stage (LOSS-4, STG-4)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    wish(desk, "stage_changed", Wish(enabled=True))
    with desk.runtime.engine.begin() as connection:
        run(connection, "insert into customer (tenant_id, created_at, assigned_userid) values (1, now(), 'LiNa'), "
                        "(1, now(), 'LiNa')")  # fmt: skip
    (one,), (other,) = desk.rows("select id from customer order by id")
    desk.lose(1)
    desk.record(*(_stage(desk, customer, to) for customer, to in ((one, 1), (other, 2))), cause="operator")
    with desk.runtime.engine.begin() as connection:
        record_wish(connection, TENANT, "stage_changed", 1, Wish(enabled=False), by="test", now=EVENING)
    settle(desk)
    states = "select notice, state from outbox order by id"
    assert desk.rows(states) == [("relation_lost", "due"), ("stage_changed", "withdrawn"), ("stage_changed", "due")]
    set_policy(desk, Policy(quiet=NIGHT, stages_on=False))
    wish(desk, "relation_lost", Wish(enabled=False))
    settle(desk)
    assert {state for _, state in desk.rows(states)} == {"withdrawn"}


def _stage(desk: Desk, customer: object, to: int) -> CustomerStageChanged:
    assert isinstance(customer, int)
    return CustomerStageChanged(
        occurred_at=desk.runtime.clock.now(),
        customer_id=CustomerId(customer),
        line_id=1,
        from_stage_id=None,
        to_stage_id=to,
        why="operator",
    )


def test_what_was_queued_while_its_kind_was_switched_off_is_not_sent(desk: Desk) -> None:
    """Its commit had read the switch before, and the look at what waits came too early for it (LOSS-4, STG-4)."""
    desk.stop_the_clock(EVENING)
    wish(desk, "stage_changed", Wish(enabled=True))
    with desk.runtime.engine.begin() as connection:
        run(connection, "insert into customer (tenant_id, created_at, assigned_userid) values (1, now(), 'LiNa')")
    ((customer,),) = desk.rows("select id from customer")
    with desk.runtime.engine.connect() as late, late.begin():
        tenant = load_tenants(late, desk.runtime.vault)[0]
        facts = [Caused(_stage(desk, customer, to), "operator") for to in (1, 2)]
        record_facts_and_notices(late, tenant, facts[:1], now=EVENING, ttl_s=86_400)
        with desk.runtime.engine.begin() as connection:
            record_wish(connection, TENANT, "stage_changed", 1, Wish(enabled=False), by="test", now=EVENING)
        settle(desk)
    desk.deliver()
    assert (desk.texts("LiNa"), desk.rows("select state from outbox order by id")) == ([], [("withdrawn",)])
    with desk.runtime.engine.begin() as connection:
        record_facts_and_notices(connection, tenant, facts[1:], now=EVENING, ttl_s=86_400)
    desk.deliver()
    assert len(desk.texts("LiNa")) == 1


def test_several_in_one_message_are_switched_off_before_its_next_try(desk: Desk) -> None:
    """Its first try certainly failed: it is reviewed as one that tells of itself alone is (LOSS-4)."""
    desk.stop_the_clock(EVENING)
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 1})
    desk.lose(3)
    desk.deliver()
    wish(desk, "relation_lost", Wish(enabled=False))
    settle(desk)
    assert desk.rows("select state, folds from outbox where folds > 1") == [("withdrawn", 3)]
    desk.deliver(after_s=3600)
    assert desk.texts("LiNa") == []


def test_nobody_hears_instead_of_what_was_switched_off_meanwhile(desk: Desk) -> None:
    """Its message is refused; who is to hear instead waits, and no look at what waits has come by yet (LOSS-4)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(administrators=(WANG,)))
    wish(desk, "relation_lost", Wish(gather_s=5))
    desk.lose(2, userid="Gone")
    desk.deliver(after_s=6)
    wish(desk, "relation_lost", Wish(gather_s=5, enabled=False))
    desk.deliver(after_s=90)
    assert desk.texts("WangFang") == []
    found = desk.rows("select recipient, state from outbox order by id")
    assert found == [("Gone", "refused"), ("Gone", "folded"), ("WangFang", "withdrawn"), ("WangFang", "withdrawn")]


def test_what_is_passed_on_gathers_with_what_comes_of_its_kind(desk: Desk) -> None:
    """It does not go at once with the first of a burst, and leave the others for a minute later (LOSS-2)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(administrators=(WANG,), undeliverable="administrators"))
    wish(desk, "relation_lost", Wish(gather_s=5, apart_s=60))
    desk.lose(1, userid="Gone")
    desk.deliver(after_s=3)
    wish(desk, "relation_lost", Wish(gather_s=5, apart_s=60, administrators=True))
    for n in range(1, 6):
        desk.lose(1, first=n)
        desk.deliver(after_s=2)
    desk.deliver(after_s=5)
    assert desk.texts("WangFang") == ["团队有 6 位客户流失"]


def test_a_page_of_what_waits_is_one_commit_and_the_next_goes_on(desk: Desk) -> None:
    """However much waits, nobody waits long for a lock (G5)."""
    desk.stop_the_clock(EVENING)
    desk.lose(5)
    wish(desk, "relation_lost", Wish(enabled=False))
    pages = []
    for _ in range(4):
        with desk.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, desk.runtime.vault)[0]
            found = review_page(connection, tenant, now=EVENING, page=2)
        pages.append((found, desk.rows("select count(*)::int from outbox where state = 'withdrawn'")[0][0]))
    assert pages == [(1, 2), (1, 4), (1, 5), (0, 5)]


def test_an_event_that_is_still_to_come_is_told_whatever_quiet_hours_become(desk: Desk) -> None:
    """One at half past seven when they are removed, one at a quarter past eight when they end at nine and no more."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    wish(desk, "chat_event", Wish(urgent=False))
    for event_id, userid, starts_at in (
        (1, LINA, MORNING - timedelta(minutes=30)),
        (2, WANG, MORNING + timedelta(minutes=15)),
    ):
        desk.record(
            ChatEventDue(
                occurred_at=EVENING, event_id=event_id, userid=userid, chat_id="wr1", chat_count=1,
                starts_at=starts_at.isoformat(),
            )
        )  # fmt: skip
    with desk.runtime.engine.begin() as connection:
        record_own_quiet(connection, TENANT, LINA, None, by="test", now=EVENING)
    for end in (9, 8):
        set_policy(desk, Policy(quiet=Quiet(time(21), time(end))))
        settle(desk)
    desk.deliver()
    assert len(desk.texts("LiNa")) == 1
    desk.at(MORNING)
    desk.deliver()
    assert len(desk.texts("WangFang")) == 1


def test_who_hears_of_an_event_instead_hears_of_none_that_is_over(desk: Desk) -> None:
    """The moment up to which it is true goes with it, to whomever and whenever (GRP-6)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(administrators=(WANG,), quiet=NIGHT))
    wish(desk, "chat_event", Wish(urgent=False))
    with desk.runtime.engine.begin() as connection:
        record_own_quiet(connection, TENANT, WANG, Quiet(time(21), time(10)), by="test", now=EVENING)
    until = EVENING + timedelta(hours=11, minutes=15)
    fact = ChatEventDue(
        occurred_at=EVENING, event_id=1, userid=UserId("Gone"), chat_id="wr1", chat_count=1,
        starts_at=(until - timedelta(minutes=15)).isoformat(),
    )  # fmt: skip
    desk.record(fact)
    desk.deliver(after_s=10 * 3600)
    assert desk.rows("select recipient, state, expires_at, true_until from outbox order by id") == [
        ("Gone", "refused", until, until), ("WangFang", "due", until, until),
    ]  # fmt: skip
    desk.deliver(after_s=2 * 3600)
    assert desk.texts("WangFang") == []
    assert desk.rows("select state from outbox order by id") == [("refused",), ("expired",)]


def test_a_folded_one_counts_as_told_when_its_message_is_sent(desk: Desk) -> None:
    """Its first try failed before quiet hours; in the night all came back: nobody is told in the morning (LOSS-2)."""
    desk.stop_the_clock(EVENING - timedelta(hours=1, seconds=30))
    set_policy(desk, Policy(quiet=NIGHT))
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 1})
    desk.lose(3)
    desk.deliver()
    desk.deliver(after_s=60)
    assert desk.rows("select next_try_at, folds from outbox where state = 'due'") == [(MORNING, 3)]
    _back(desk, 2 * 3600, 0, 1)
    assert desk.rows("select state, recall from outbox where notice = 'relation_lost' order by id") == [
        ("due", "wanted"), ("folded", "wanted"), ("folded", None),
    ]  # fmt: skip
    _back(desk, 3600, 2)
    desk.deliver(after_s=(MORNING - desk.runtime.clock.now()).total_seconds())
    assert "3 位客户流失" not in desk.texts("LiNa")
    assert desk.rows("select state from outbox where folds = 3 and notice = 'relation_lost'") == [("withdrawn",)]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_switched_off_is_not_tried_again_where_wecom_did_not_answer(desk: Desk, count: int) -> None:
    """It did not arrive, by itself or with others, and the kind was switched off meanwhile (LOSS-4)."""
    desk.stop_the_clock(EVENING)
    desk.corp.post("/sim/faults", {"path": "message/send", "http_status": 502, "times": 1})
    desk.lose(count)
    desk.deliver()
    wish(desk, "relation_lost", Wish(enabled=False))
    settle(desk)
    desk.deliver(after_s=120)
    assert desk.texts("LiNa") == []
    assert desk.rows("select state, attempts from outbox where folded_into is null") == [("withdrawn", 1)]


def _back(desk: Desk, after_s: float, *numbers: int) -> None:
    desk.at(desk.runtime.clock.now() + timedelta(seconds=after_s))
    _come_back(desk, *numbers)


def test_who_was_taken_away_before_it_was_told_is_not_counted(desk: Desk) -> None:
    """The number is of those who are still to be added; when nobody is left, nobody is told (POOL-7)."""
    clock = desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    with desk.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        add_associates(connection, tenant, LINA, WANG)
        ids = fill_pool(connection, tenant, 10)
    _give(desk, ids[:6], LINA)
    _give(desk, ids[6:], WANG)
    clock.advance(20)
    with desk.runtime.engine.begin() as connection:
        told = tell_given(connection, TENANT, after=timedelta(seconds=10), now=clock.now())
    desk.record(*(one.fact for one in told), cause="api")
    clock.advance(60)
    with desk.runtime.engine.begin() as connection:
        releasing = act("released", now=clock.now())
        moved = release_of(connection, TENANT, NOBODYS, {"ids": [*ids[:2], *ids[6:]]}, releasing)
    desk.record(*returned_facts(moved, releasing), cause="api")
    desk.deliver(after_s=(MORNING - clock.now()).total_seconds())
    assert desk.texts("LiNa") == ["公司给您分配了 4 位新客户"]
    assert desk.texts("WangFang") == []
    assert desk.rows("select recipient, state from outbox order by 1") == [("LiNa", "sent"), ("WangFang", "withdrawn")]


def test_whom_a_clock_ahead_of_ours_gave_is_counted(desk: Desk) -> None:
    """The console is two seconds ahead: what it gave last is told with the first, not lost (POOL-7)."""
    clock = desk.stop_the_clock()
    ahead = timedelta(seconds=2)
    with desk.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        add_associates(connection, tenant, LINA)
        first, last = fill_pool(connection, tenant, 2)
    began = clock.now()
    _give(desk, [first], LINA, ahead=ahead)
    clock.advance(6.5)
    _give(desk, [last], LINA, ahead=ahead)
    with desk.runtime.engine.begin() as connection:
        gone = release(connection, tenant, [first], act=act("released", now=clock.now() + ahead))
    desk.record(*gone, cause="operator")
    desk.at(began + timedelta(seconds=7))
    with desk.runtime.engine.begin() as connection:
        told = tell_given(connection, TENANT, after=timedelta(seconds=5), now=clock.now())
    desk.record(*(one.fact for one in told), cause="api")
    desk.deliver()
    assert desk.texts("LiNa") == ["公司给您分配了一位新客户"]


def _give(desk: Desk, ids: list[CustomerId], userid: UserId, ahead: timedelta = timedelta()) -> datetime:
    """`ahead`: of us is the clock of whoever gives."""
    now = desk.runtime.clock.now() + ahead
    with desk.runtime.engine.begin() as connection:
        assign(connection, load_tenants(connection, desk.runtime.vault)[0], ids, userid, act("assign", now=now))
    return now
