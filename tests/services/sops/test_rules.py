"""What brings customers and chats in, what ends their way, and what people do with rules, in a real database."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from services.customers.model import RelationStarted
from services.groups.model import ChatCreated, ChatMemberJoined
from services.reminders.model import Wish
from services.reminders.store import record_wish
from services.sops.by_hand import bring_in, move, set_cycle, take_out
from services.sops.ending import withdraw_of_rule
from services.sops.listing import load_totals
from services.sops.model import Audience, Exit, RuleState, SopRefusedError, Trigger
from services.sops.store import lock_rule, record_deleted
from services.sops.workdays import calendar_of
from services.stages.model import CustomerStageChanged
from shared.ids import CustomerId, ExternalUserId, UserId
from tests.services.chats.conftest import add_chat
from tests.services.rules.shop import one
from tests.services.sops.sopping import SopShop, after, at, on

VISITED = Trigger("event", event="visited")
HAND = Trigger("by_hand")
HOUR = timedelta(hours=1)
DAYS = calendar_of("Asia/Shanghai")


def started(shop: SopShop, customer_id: int, **given: object) -> RelationStarted:
    return RelationStarted(occurred_at=shop.now, userid=UserId("LiNa"), evidenced=True,
                           external_userid=ExternalUserId(f"wm{customer_id}"), **given)  # type: ignore[arg-type] # fmt: skip


def test_what_happened_before_a_rule_ran_brings_nobody_in(shop: SopShop):
    """Neither what a first sync finds nor what is told years late, nor a handover (SOP-1)."""
    a, b = shop.customers(2)
    early = started(shop, a)
    shop.shop.pass_time(HOUR)
    rule_id = shop.rule("r", after(0), trigger=Trigger("friend"))
    shop.tell(early, cause="bootstrap")
    shop.tell(started(shop, b, transfer_id=5))
    shop.look()
    assert shop.ways(rule_id) == []


def test_a_friend_of_the_second_in_which_a_rule_began_to_run_comes_in(shop: SopShop):
    """WeCom tells whole seconds: who was added half a second after it was enabled seems to come before it (SOP-1)."""
    shop.shop.pass_time(timedelta(milliseconds=400))
    rule_id = shop.rule("r", after(0), trigger=Trigger("friend"))
    a, b = shop.customers(2)
    shop.shop.pass_time(timedelta(milliseconds=500))
    second = shop.now.replace(microsecond=0)
    shop.tell(replace(started(shop, a), occurred_at=second))
    shop.tell(replace(started(shop, b), occurred_at=second - timedelta(seconds=1)))
    shop.look()
    assert shop.rows("select customer_id from sop_enrolment where rule_id = :id", id=rule_id) == [(a,)]


def test_a_resync_that_finds_a_new_friend_brings_them_in(shop: SopShop):
    """The event was lost; the friendship began after the rule did (SOP-1, G5)."""
    rule_id = shop.rule("r", after(0), trigger=Trigger("friend"))
    (a,) = shop.customers(1)
    shop.tell(started(shop, a), cause="resync")
    shop.look()
    assert len(shop.ways(rule_id)) == 1


def test_a_tag_brings_in_and_its_loss_ends(shop: SopShop):
    """Whoever gains it; without it, nothing more is told, and what has not gone out is taken back (SOP-1)."""
    tag = shop.shop.tag("manual")
    rule_id = shop.rule("r", after(0), after(60), trigger=Trigger("tag", tag_id=f"local:{tag}"),
                        exits=[Exit("tag_lost", tag_id=f"local:{tag}")])  # fmt: skip
    a, b = shop.customers(2)
    shop.run("insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
             "select :t, c, :tag, :now, 'x' from unnest(cast(:ids as bigint[])) c",
             t=shop.tenant.id, tag=tag, now=shop.now, ids=[a, b])  # fmt: skip
    shop.look()
    assert [whom for whom, _, _ in shop.reminded()] == [str(a), str(b)]
    shop.run("delete from customer_tag where customer_id = :a", a=a)
    shop.look()
    assert shop.ways(rule_id) == [("ended", f"exit:untag:local:{tag}"), ("running", None)]
    assert shop.rows("select state from outbox where notice = 'sop_step' order by id") == [("withdrawn",), ("due",)]
    shop.wait(HOUR)
    assert [whom for whom, _, _ in shop.reminded()] == [str(a), str(b), str(b)]


def test_a_stage_and_the_audience_decide_who_comes_in(shop: SopShop):
    """Only whom the filter finds and whose associate is meant (SOP-1)."""
    (_, (stage,)) = shop.shop.line(None)
    whom = Audience(filter=one("score", "between", {"min": 10}), userids=(UserId("LiNa"),))
    rule_id = shop.rule("r", after(0), trigger=Trigger("stage", stage_id=stage), audience=whom)
    a, b = shop.customers(2)
    (c,) = shop.customers(1, "WangFang")
    shop.shop.score([a, c], 50)
    shop.tell(*(CustomerStageChanged(occurred_at=shop.now, customer_id=CustomerId(n), line_id=1, from_stage_id=None,
                                     to_stage_id=stage, why="hand") for n in (a, b, c)))  # fmt: skip
    shop.look()
    assert shop.rows("select customer_id from sop_enrolment where rule_id = :r", r=rule_id) == [(a,)]


def test_birthdays_come_each_year_and_silence_counts_from_the_last_contact(shop: SopShop):
    """Days before a birthday, and after so many days without contact, in the corp's days (SOP-1, SOP-7)."""
    shop.set_time(at("2026-11-22T12:00"))
    a, b = shop.customers(2)
    shop.run("update customer_card set birthday = 1201 where customer_id = :a", a=a)
    birthday = shop.rule("b", on(0, "09:00"), trigger=Trigger("yearly", field="birthday", days_before=3),
                         reentry="after_end")  # fmt: skip
    silent = shop.rule("s", on(0, "10:00"), trigger=Trigger("no_contact", days=5), reentry="after_end")
    shop.set_time(at("2026-11-24T12:00"))
    shop.happen(b, "E1")
    # No look for days: each day is looked at, in its order, and old steps expire.
    shop.set_time(at("2026-11-30T23:00"))
    shop.look()
    assert shop.rows("select rule_id, customer_id, anchor_at from sop_enrolment order by anchor_at") == [
        (silent, a, at("2026-11-27T00:00")),
        (birthday, a, at("2026-11-28T00:00")),
        (silent, b, at("2026-11-29T00:00")),
    ]
    assert {state for _, state, _ in shop.states(silent)} == {"expired"}


def test_a_confirmed_step_is_a_contact_and_is_counted(shop: SopShop):
    """Confirming is idempotent, takes the reminder back and starts the silence anew (SOP-4, SOP-7)."""
    rule_id = shop.rule("r", after(0), after(60), trigger=VISITED, overdue_after_s=3600)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    first, second = shop.step_ids(rule_id)
    done, again = shop.confirm(1, first), shop.confirm(1, first)
    assert (done.fact.userid, done.fact.external_userid, again.fact) == ("LiNa", f"wm{a}", None)
    assert shop.rows("select state from outbox where notice = 'sop_step'") == [("withdrawn",)]
    early = shop.confirm(1, second)
    assert early.fact is not None
    shop.wait(2 * HOUR)
    assert shop.ways(rule_id) == [("ended", "finished")]
    assert len(shop.reminded()) == 1
    totals = {(n.step_id, n.userid, n.state): n.n for n in shop.do(load_totals, shop.tenant.id)}
    assert totals == {(0, "", "ended"): 1, (first, "LiNa", "done"): 1, (second, "LiNa", "done"): 1}


def test_what_is_not_confirmed_goes_to_the_superior_once(shop: SopShop):
    """By the rule's hours and the corp's switch (SOP-5)."""
    for userid, leaders in (("LiNa", ["Boss"]), ("Boss", [])):
        shop.run("insert into associate (tenant_id, userid, direct_leaders, in_sight, observed_at) "
                 "values (:t, :u, :l, true, :now)", t=shop.tenant.id, u=userid, l=leaders, now=shop.now)  # fmt: skip
    shop.rule("r", after(0), trigger=VISITED, overdue_after_s=3600)
    a, b = shop.customers(2)
    shop.happen(a, "E1")
    shop.look()
    shop.wait(HOUR)
    shop.wait(HOUR)
    sql = "select recipient, about from outbox where notice = 'sop_overdue' order by 1"
    assert shop.rows(sql) == [("Boss", "LiNa"), ("LiNa", None)]
    shop.do(record_wish, shop.tenant.id, "sop_overdue", 0, Wish(superior=False), by="x", now=shop.now)
    shop.happen(b, "E2")
    shop.look()
    shop.wait(HOUR)
    assert shop.rows(sql) == [("Boss", "LiNa"), ("LiNa", None), ("LiNa", None)]


def test_a_stopped_rule_tells_nothing_and_goes_on_with_what_is_ahead(shop: SopShop):
    """What waits to go out is taken back, what falls into the stop is past (SOP-3)."""
    rule_id = shop.rule("r", after(0), after(60), after(120), trigger=VISITED)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    shop.stop(rule_id)
    shop.do(withdraw_of_rule, shop.tenant.id, rule_id, now=shop.now)
    assert shop.rows("select state from outbox where notice = 'sop_step'") == [("withdrawn",)]
    shop.wait(timedelta(minutes=90))
    shop.happen(a, "E2")
    shop.look()
    shop.turn(rule_id, RuleState.RUNNING)
    shop.wait(timedelta(minutes=30))
    assert [(state, why) for _, state, why in shop.states(rule_id)] == [
        ("skipped", "past"), ("skipped", "past"), ("reminded", None),
    ]  # fmt: skip


def test_an_edit_reaches_whoever_is_on_the_way(shop: SopShop):
    """An earlier time counts at once, a deleted step is not told, a passed one stays (SOP-3)."""
    rule_id = shop.rule("r", after(0), after(600), after(900), trigger=VISITED)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    first, second, _ = shop.step_ids(rule_id)
    shop.edit(rule_id, after(0, id_=first), after(30, id_=second), after(2000))
    shop.wait(timedelta(minutes=30))
    shop.wait(timedelta(minutes=900))
    assert [step for _, step, _ in shop.reminded()] == [first, second]
    assert shop.rows("select next_step_id from sop_enrolment") == [(4,)]


def test_a_deleted_rule_ends_everybody(shop: SopShop):
    """In the background, a page at a time (SOP-3)."""
    rule_id = shop.rule("r", after(0), after(600), trigger=VISITED)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()

    def delete(connection: object) -> None:
        lock_rule(connection, shop.tenant, rule_id, "change")  # type: ignore[arg-type]
        record_deleted(connection, shop.tenant.id, rule_id, by="x", now=shop.now)  # type: ignore[arg-type]

    shop.do(delete)
    shop.wait(timedelta(days=1))
    assert (len(shop.reminded()), shop.ways(rule_id)) == (1, [("ended", "rule_deleted")])


@pytest.mark.parametrize(("reentry", "count"), [("never", 1), ("after_end", 2), ("each", 3)])
def test_somebody_comes_in_again_by_setting(shop: SopShop, reentry: str, count: int):
    """Never, after the end, or each time; the same event never twice (SOP-1)."""
    rule_id = shop.rule("r", after(0), after(60), trigger=VISITED, reentry=reentry)
    (a,) = shop.customers(1)
    for n, wait in ((1, 0), (2, 0), (3, 90)):
        shop.wait(timedelta(minutes=wait))
        shop.happen(a, f"E{n}")
        shop.happen(a, f"E{n}")
        shop.look()
    assert len(shop.ways(rule_id)) == count


def test_the_responsible_associate_is_whoever_it_is_at_the_moment(shop: SopShop):
    """And where nobody is, the step is skipped and says so (SOP-1)."""
    rule_id = shop.rule("r", after(0), after(60), after(120), trigger=VISITED)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    shop.assign(a, "WangFang")
    shop.wait(HOUR)
    shop.assign(a, None)
    shop.wait(HOUR)
    assert shop.rows("select recipient from outbox where notice = 'sop_step' order by id") == [("LiNa",), ("WangFang",)]
    assert shop.states(rule_id)[-1][1:] == ("skipped", "nobody")


def test_chats_come_in_move_and_go(shop: SopShop):
    """Made, joined, by hand; their owner hears; one moved keeps its start, one taken out is silent (SOP-2)."""
    made = shop.rule("made", after(1, "{chat}"), subject="chat", trigger=Trigger("chat_created"),
                     audience=Audience(userids=(UserId("LiNa"),)))  # fmt: skip
    joined = shop.rule("joined", after(0, "{customer}"), after(2880, "x"), subject="chat", reentry="each",
                       trigger=Trigger("member_joined"), audience=Audience(chat_ids=("wrA",)))  # fmt: skip
    shop.shop.pass_time(HOUR)
    with shop.runtime.engine.begin() as connection:
        add_chat(connection, shop.tenant, "wrA", owner="LiNa", created=shop.now, at=shop.now)
        add_chat(connection, shop.tenant, "wrB", owner="WangFang", created=shop.now, at=shop.now)
    given = {"occurred_at": shop.now, "evidenced": True}
    shop.tell(
        ChatCreated(chat_id="wrA", owner_userid="LiNa", **given),
        ChatCreated(chat_id="wrB", owner_userid="WangFang", **given),
        ChatMemberJoined(chat_id="wrA", member_id="wm1", kind="customer", scene=3, invitor=None, **given),
    )
    shop.look()
    shop.wait(timedelta(minutes=1))
    assert [(whom, step) for whom, step, _ in shop.reminded()] == [("wrA", 1), ("wrA", 1)]
    by_hand = shop.rule(
        "hand", after(0, "x"), after(60, "x"), subject="chat", trigger=Trigger("by_hand"), audience=Audience()
    )
    done = shop.do(bring_in, shop.tenant, by_hand, ["wrB", "wrNone"], DAYS, by="x", now=shop.now)
    assert done.unknown == ("wrNone",)
    shop.look()
    shop.wait(timedelta(minutes=30))
    other = shop.rule("other", after(10, "x"), after(40, "x"), after(50, "x"), subject="chat", trigger=HAND,
                      audience=Audience())  # fmt: skip
    moved = shop.do(move, shop.tenant, done.enrolment_ids[0], other, DAYS, keep_start=True, by="x", now=shop.now)
    shop.do(set_cycle, shop.tenant, moved, anchor_at=None, left_out=[3], now=shop.now)
    shop.wait(timedelta(minutes=30))
    assert [(step, state, why) for step, state, why in shop.states(other)] == [
        (1, "skipped", "past"), (2, "reminded", None), (3, "skipped", "left_out"),
    ]  # fmt: skip
    ((left,),) = shop.rows("select id from sop_enrolment where rule_id = :r", r=joined)
    shop.do(take_out, shop.tenant, left, now=shop.now)
    with pytest.raises(SopRefusedError):
        shop.do(move, shop.tenant, left, other, DAYS, keep_start=False, by="x", now=shop.now)
    shop.wait(timedelta(days=3))
    assert shop.ways(made) == [("ended", "finished")]
    assert shop.ways(joined) == [("ended", "taken_out")]
    assert shop.ways(by_hand) == [("ended", f"moved:{other}")]


def test_what_happened_before_a_rule_ran_leaves_no_mark(shop: SopShop):
    """A first sync or an import of old things costs no rule anything; what ends a way is marked whenever it happened
    (SOP-1)."""
    (_, (stage,)) = shop.shop.line(None)
    a, b = shop.customers(2)
    early = shop.now - HOUR
    rules = [shop.rule(str(n), after(0), trigger=one, exits=exits) for n, (one, exits) in enumerate((
        (Trigger("friend"), ()), (VISITED, [Exit("stage", stage_id=stage)]), (Trigger("purchase"), ()),
    ))]  # fmt: skip

    def happen(moment: datetime, number: int) -> list[str]:
        known = {"userid": UserId("LiNa"), "external_userid": ExternalUserId(f"wm{a}"), "evidenced": True}
        shop.tell(RelationStarted(occurred_at=moment, **known), cause="bootstrap")
        shop.happen(a, f"E{number}", at=moment)
        shop.shop.order(b, f"O{number}", at=moment)
        return [signal for (signal,) in shop.rows("select signal from sop_mark order by id")]

    assert happen(early, 1) == []
    shop.tell(CustomerStageChanged(occurred_at=early, customer_id=CustomerId(a), line_id=1, from_stage_id=None,
                                   to_stage_id=stage, why="hand"))  # fmt: skip
    assert happen(shop.now, 2) == [f"stage:{stage}", "friend", "event:visited", "purchase"]
    shop.look()
    assert [len(shop.ways(one)) for one in rules] == [1, 1, 1]


def test_what_no_rule_waits_for_leaves_no_mark(shop: SopShop):
    """The cost of a fact does not grow with rules that it does not concern (SOP-1)."""
    for n in range(20):
        shop.rule(f"r{n}", after(0), trigger=Trigger("event", event=f"other{n}"))
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.tell(started(shop, a))
    assert shop.rows("select count(*) from sop_mark") == [(0,)]
    with shop.runtime.engine.begin() as connection:
        connection.execute(text("set local enable_seqscan = off"))
        plan = connection.execute(text("explain select from sop_signal where tenant_id = 1 and signal = 'friend'"))
        assert "sop_signal_pkey" in "\n".join(row[0] for row in plan)
