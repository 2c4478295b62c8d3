"""What is due together arrives together; nothing arrives in quiet hours, twice, or not at all."""

from datetime import UTC, datetime, time, timedelta

import pytest

from services.customers.model import RelationStarted
from services.reminders.model import NOT_KNOWN, Policy, Quiet, Wish
from services.reminders.store import record_own_quiet, record_policy, record_wish
from shared.db.engine import run
from shared.ids import ExternalUserId, TenantId, UserId
from tests.notifier.desk import Desk
from tests.shared.corps import record_closed_corp

TENANT = TenantId(1)
EVENING = datetime(2027, 3, 1, 14, tzinfo=UTC)
"""22:00 in Shanghai."""
NIGHT = Quiet(time(21), time(8))


def wish(desk: Desk, notice: str, wish: Wish) -> None:
    with desk.runtime.engine.begin() as connection:
        record_wish(connection, TENANT, notice, NOT_KNOWN, wish, by="test", now=desk.runtime.clock.now())


def set_policy(desk: Desk, policy: Policy) -> None:
    with desk.runtime.engine.begin() as connection:
        record_policy(connection, TENANT, policy, by="test", now=desk.runtime.clock.now())


def test_one_goes_at_once_and_those_after_it_together(desk: Desk) -> None:
    """The next of a kind waits a minute after the last, and takes along all that have gathered (POOL-7, LOSS-2)."""
    desk.stop_the_clock()
    desk.lose()
    desk.deliver()
    desk.lose(1, first=1)
    desk.deliver(after_s=5)
    desk.lose(3, first=2)
    desk.deliver(after_s=50)
    assert desk.texts("LiNa") == ["客户流失：wm0"]
    desk.deliver(after_s=5)
    assert desk.texts("LiNa") == ["客户流失：wm0", "4 位客户流失"]
    body = desk.corp.messages("LiNa")[-1]["payload"]
    assert "wm1、wm2、wm3 等 4 位客户" in body["description"]
    carrier = desk.rows("select id from outbox where folds = 4")[0][0]
    assert body["url"].endswith(f"/lost?n={carrier}")
    assert desk.rows("select state, count(*)::int from outbox group by 1 order by 1") == [("folded", 3), ("sent", 2)]


def test_one_that_comes_alone_waits_its_five_seconds(desk: Desk) -> None:
    """Nobody waits for a burst that is none (ASG-5)."""
    desk.stop_the_clock()
    wish(desk, "relation_lost", Wish(gather_s=5))
    desk.lose()
    desk.deliver(after_s=4)
    assert desk.texts("LiNa") == []
    desk.deliver(after_s=1)
    assert desk.texts("LiNa") == ["客户流失：wm0"]


def test_what_gathers_goes_when_nothing_more_has_come(desk: Desk) -> None:
    """Each waits five seconds, all go with the last; nothing that comes later holds up what is told (ASG-5)."""
    desk.stop_the_clock()
    wish(desk, "relation_lost", Wish(gather_s=5))
    for second in range(3):
        desk.lose(2, first=2 * second)
        desk.deliver(after_s=4)
    assert desk.texts("LiNa") == []
    desk.deliver(after_s=1)
    assert desk.texts("LiNa") == ["6 位客户流失"]


def test_a_burst_without_end_is_told_within_a_minute(desk: Desk) -> None:
    """The first one waits 45 seconds at most, whatever comes, and expires no sooner for it (POOL-7, G5)."""
    clock = desk.stop_the_clock()
    began = clock.now()
    wish(desk, "relation_lost", Wish(gather_s=5, apart_s=60, ttl_s=1))
    for second in range(0, 60, 3):
        desk.lose(1, first=second)
        desk.deliver(after_s=3)
        if desk.texts("LiNa"):
            break
    assert clock.now() - began == timedelta(seconds=45)
    assert desk.texts("LiNa") == ["15 位客户流失"]


def test_a_message_in_doubt_goes_again_with_all_that_it_tells(desk: Desk) -> None:
    """Whoever is folded into it goes by no other message, and the phone shows one (G5)."""
    desk.stop_the_clock()
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.lose(5)
    desk.deliver()
    assert desk.rows("select state, folds, first_unknown_at is not null from outbox where state <> 'folded'") == [
        ("due", 5, True)
    ]
    desk.lose(1, first=5)
    desk.deliver(after_s=10)
    assert desk.texts("LiNa") == ["5 位客户流失"]
    assert desk.rows("select state, attempts from outbox where folds = 5") == [("sent", 2)]
    desk.deliver(after_s=60)
    assert desk.texts("LiNa") == ["5 位客户流失", "客户流失：wm5"]


def test_what_came_in_quiet_hours_arrives_at_their_end_as_one(desk: Desk) -> None:
    """Urgent kinds and who has no quiet hours are told at once; a notice of an hour is still fresh in the morning
    (LOSS-4)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    with desk.runtime.engine.begin() as connection:
        record_own_quiet(connection, TENANT, UserId("ZhaoMin"), None, by="test", now=EVENING)
    desk.lose(2, ttl_s=3600)
    desk.lose(2, userid="ZhaoMin")
    wish(desk, "handover_failed", Wish(urgent=True))
    desk.fail()
    desk.deliver()
    assert [len(desk.texts(one)) for one in ("LiNa", "ZhaoMin")] == [1, 1]
    desk.lose(3, first=2, ttl_s=3600)
    desk.deliver(after_s=9 * 3600)
    assert len(desk.texts("LiNa")) == 1
    desk.deliver(after_s=3600)
    assert desk.texts("LiNa")[1:] == ["5 位客户流失"]


def test_what_is_late_waits_for_the_end_of_quiet_hours_with_its_time(desk: Desk) -> None:
    """Due before them and not sent: it is as good in the morning as it was then (LOSS-4)."""
    desk.stop_the_clock(EVENING - timedelta(hours=2))
    set_policy(desk, Policy(quiet=NIGHT))
    desk.lose(2, ttl_s=3 * 3600)
    desk.fail()
    desk.deliver(after_s=2 * 3600)
    morning = EVENING + timedelta(hours=10)
    assert desk.rows("select distinct next_try_at, first_fair_at from outbox") == [(morning, morning)]
    assert desk.rows("select min(expires_at) from outbox") == [(morning + timedelta(hours=3),)]
    desk.deliver(after_s=10 * 3600)
    assert sorted(desk.texts("LiNa")) == ["2 位客户流失", "移交未成功：wm0"]


def test_after_a_month_away_the_old_is_closed_and_the_rest_told_once(desk: Desk) -> None:
    """Expired by thousands, due ones in one message each; nobody's phone is flooded (G5, G6)."""
    start = EVENING - timedelta(hours=12)
    desk.stop_the_clock(start)
    people = ("LiNa", "WangFang", "ZhangWei", "ZhaoMin")
    for day in range(30):
        desk.at(start + timedelta(days=day))
        for userid in people:
            desk.lose(50, userid=userid, first=day * 50)
    desk.fail(70)
    desk.deliver(after_s=3600)
    assert [desk.texts(one).count("50 位客户流失") for one in people] == [1, 1, 1, 1]
    assert len(desk.texts("LiNa")) == 30
    rows = desk.rows("select state, count(*)::int from outbox group by 1 order by 1")
    assert rows == [("due", 41), ("expired", 29 * 200), ("folded", 4 * 49), ("sent", 33)]
    assert desk.rows("select count(*)::int from attempt") == [(33,)]
    for _ in range(3):
        desk.deliver(after_s=71)
    assert len(desk.texts("LiNa")) == 71


def test_what_cannot_be_folded_leaves_no_faster_than_a_member_may_be_sent(desk: Desk) -> None:
    """A line for one member: 30 a minute, none dropped, and no row is taken again and again for it (G6)."""
    desk.stop_the_clock()
    desk.fail(400)
    _let_all_out(desk, 400)
    assert desk.rows("select max(fence)::int from outbox")[0][0] <= 4


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_for_one_member_leave_no_faster_than_they_may(desk: Desk) -> None:
    """30 a minute, 1,000 an hour, until the last one ten hours later; none is dropped (G6)."""
    desk.stop_the_clock()
    desk.corp.post("/sim/settings", {"messages": {"accounts": 100}})  # as many as are taken for granted here
    desk.fail(10_000)
    _let_all_out(desk, 10_000)


def _let_all_out(desk: Desk, count: int) -> None:
    """Time passes from one due row to the next, until all are sent; the simulator counts what it would drop."""
    while due := desk.rows("select min(next_try_at) from outbox where state = 'due'")[0][0]:
        assert isinstance(due, datetime)
        desk.at(max(due, desk.runtime.clock.now()))
        desk.deliver()
    assert len(desk.corp.messages("LiNa")) == count
    times = [at for (at,) in desk.rows("select started_at from attempt order by started_at")]
    for most, window in ((30, timedelta(minutes=1)), (1000, timedelta(hours=1))):
        assert all(later - earlier > window for earlier, later in zip(times, times[most:], strict=False))


def test_a_customer_who_came_back_before_it_was_told_was_never_lost(desk: Desk) -> None:
    """What is not sent is withdrawn in the commit of the return (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(2)
    _come_back(desk, 0)
    desk.deliver()
    assert desk.texts("LiNa") == ["客户流失：wm1", "新客户：wm0"]
    assert desk.rows("select state from outbox order by id") == [("withdrawn",), ("sent",), ("sent",)]


def test_what_was_just_sent_is_taken_back_once(desk: Desk) -> None:
    """Within the hour; later it was right when it was read (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(1)
    desk.deliver()
    desk.deliver(after_s=1800)
    desk.lose(1, first=1)
    desk.deliver(after_s=1801)
    _come_back(desk, 0, 1)
    assert (desk.recall(), desk.recall()) == (1, 0)
    assert desk.rows("select recall from outbox where notice = 'relation_lost' order by id") == [(None,), ("done",)]
    assert desk.texts("LiNa") == ["客户流失：wm0"]


def test_a_corp_whose_keys_do_not_open_holds_up_no_other_corps_recalls(desk: Desk) -> None:
    """Its message cannot be taken back; the others' are (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose()
    desk.deliver()
    _come_back(desk, 0)
    with desk.runtime.engine.begin() as connection:
        closed = record_closed_corp(connection, now=desk.runtime.clock.now())
        columns = "fact_id, notice, channel, recipient, causes, state, next_try_at, created_at, expires_at, msgid, "
        columns += "settled_at, recall"
        run(connection, f"insert into outbox (tenant_id, natural_key, {columns}) "
            f"select :closed, 'x', {columns} from outbox where recall is not null", closed=closed)  # fmt: skip
    desk.recall()
    assert desk.texts("LiNa") == []
    assert desk.rows("select recall from outbox where recall is not null order by tenant_id") == [
        ("done",),
        ("wanted",),
    ]


def _come_back(desk: Desk, *numbers: int) -> None:
    at, userid = desk.runtime.clock.now() + timedelta(seconds=1), UserId("LiNa")
    contacts = [ExternalUserId(f"wm{n}") for n in numbers]
    desk.record(
        *(RelationStarted(occurred_at=at, userid=userid, external_userid=one, evidenced=True) for one in contacts)
    )


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_message_about_many_is_taken_back_when_none_of_them_stands(desk: Desk, last: int) -> None:
    """As long as one is lost, its message stays, whichever of them it was made for first (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(3)
    desk.deliver()
    _come_back(desk, *({0, 1, 2} - {last}))
    assert desk.recall() == 0
    _come_back(desk, last)
    assert desk.recall() == 1
    assert desk.rows("select distinct recall from outbox where notice = 'relation_lost'") == [("done",)]
    assert desk.texts("LiNa") == []


def test_a_message_whose_own_matter_stands_stays_when_what_it_also_tells_of_vanishes(desk: Desk) -> None:
    """Of two who were lost in one message the second comes back: the first is lost all the same (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(2)
    desk.deliver()
    _come_back(desk, 1)
    assert desk.recall() == 0
    assert desk.rows("select recall from outbox where notice = 'relation_lost' order by id") == [(None,), ("wanted",)]
    assert desk.texts("LiNa") == ["2 位客户流失"]
    _come_back(desk, 0)
    assert desk.recall() == 1


def test_a_message_whose_own_matter_stands_is_sent_again_after_a_refusal_that_passes(desk: Desk) -> None:
    """Nobody has heard of the first yet (LOSS-2)."""
    desk.stop_the_clock()
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 3})
    desk.lose(2)
    desk.deliver()
    _come_back(desk, 1)
    desk.deliver(after_s=60)
    desk.deliver(after_s=60)
    assert "2 位客户流失" in desk.texts("LiNa")


def test_what_is_on_its_way_is_taken_back_when_it_has_settled(desk: Desk) -> None:
    """A try without an answer is not repeated for a reason that is no more (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(1)
    with desk.runtime.engine.begin() as connection:
        run(connection, "update outbox set first_unknown_at = :now, attempts = 1", now=desk.runtime.clock.now())
    _come_back(desk, 0)
    assert desk.rows("select state, recall from outbox where notice = 'relation_lost'") == [("due", "wanted")]
    with desk.runtime.engine.begin() as connection:  # the answer comes
        run(
            connection,
            "update outbox set state = 'sent', first_unknown_at = null, msgid = 'gone', settled_at = :now "
            "where notice = 'relation_lost'",
            now=desk.runtime.clock.now(),
        )
    assert desk.recall() == 1
    desk.deliver()
    desk.lose(1, first=1)
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.deliver(after_s=100)
    _come_back(desk, 1)
    desk.deliver(after_s=100)
    assert desk.rows("select state, recall, attempts from outbox where notice = 'relation_lost' order by id") == [
        ("sent", "failed", 1),
        ("withdrawn", "failed", 1),
    ]


def test_who_cannot_be_reached_is_replaced_once_and_never_in_circles(desk: Desk) -> None:
    """All that their message would have told goes to the superior, then to the administrators (LOSS-2)."""
    desk.stop_the_clock()
    _directory(desk, Gone="AlsoGone", AlsoGone="Gone")
    set_policy(desk, Policy(administrators=(UserId("ZhaoMin"),)))
    desk.lose(3, userid="Gone")
    for _ in range(4):
        desk.deliver(after_s=61)
    assert desk.texts("ZhaoMin") == ["团队有 3 位客户流失"]
    rows = desk.rows(
        "select recipient, about, state, count(*)::int from outbox group by 1, 2, 3 order by min(id), state desc"
    )
    assert rows == [
        ("Gone", None, "refused", 1),
        ("Gone", None, "folded", 2),
        ("AlsoGone", "Gone", "refused", 1),
        ("AlsoGone", "Gone", "folded", 2),
        ("ZhaoMin", "Gone", "sent", 1),
        ("ZhaoMin", "Gone", "folded", 2),
    ]


def test_whom_the_superior_hears_of_already_is_not_told_again(desk: Desk) -> None:
    """Told beside the associate, they are not told in their place, too (LOSS-2)."""
    desk.stop_the_clock()
    _directory(desk, Gone="LiNa", LiNa="ZhaoMin", ZhaoMin="LiNa")
    wish(desk, "relation_lost", Wish(superior=True))
    desk.lose(1, userid="Gone")
    for _ in range(3):
        desk.deliver(after_s=61)
    assert desk.rows("select recipient, state from outbox order by id") == [("Gone", "refused"), ("LiNa", "sent")]


def _directory(desk: Desk, **leaders: str) -> None:
    """Each associate's direct leader."""
    with desk.runtime.engine.begin() as connection:
        for userid, leader in leaders.items():
            run(
                connection,
                "insert into associate (tenant_id, userid, direct_leaders, observed_at) "
                "values (1, :userid, array[:leader], :now)",
                userid=userid,
                leader=leader,
                now=desk.runtime.clock.now(),
            )


def test_a_message_that_is_made_anew_tells_of_all_that_it_told_of(desk: Desk) -> None:
    """After a rename its bytes are gone: no other message takes it in, with those whom nobody would follow (G5)."""
    desk.stop_the_clock()
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 1})
    desk.lose(3)
    desk.deliver()
    with desk.runtime.engine.begin() as connection:
        run(connection, "update outbox set body = null, next_try_at = next_try_at + interval '1 h' where state = 'due'")
    desk.lose(1, first=3)
    desk.deliver(after_s=120)
    desk.deliver(after_s=3600)
    assert desk.texts("LiNa") == ["客户流失：wm3", "3 位客户流失"]


def test_what_stands_for_nothing_any_more_is_not_tried_again(desk: Desk) -> None:
    """Its reason vanished while a try failed for certain: nobody was told, and nobody is (LOSS-2)."""
    desk.stop_the_clock()
    desk.lose(1)
    with desk.runtime.engine.begin() as connection:
        run(connection, "update outbox set recall = 'wanted'")
    desk.deliver()
    assert desk.texts("LiNa") == [] and desk.rows("select state, recall from outbox") == [("withdrawn", "failed")]


def test_what_was_told_by_a_clock_that_ran_ahead_hides_nothing_that_was_told_since(desk: Desk) -> None:
    """Once the clock is right, the next of a kind waits a minute after the last again (LOSS-2)."""
    clock = desk.stop_the_clock(EVENING + timedelta(days=1))
    desk.lose()
    desk.deliver()
    desk.at(EVENING)
    for n in (1, 2, 3):
        desk.lose(1, first=n)
        desk.deliver(after_s=5)
    assert desk.texts("LiNa") == ["客户流失：wm0", "客户流失：wm1"]
    desk.at(clock.present + timedelta(minutes=1))
    desk.deliver()
    assert desk.texts("LiNa")[2:] == ["2 位客户流失"]
