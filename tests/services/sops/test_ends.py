"""The rarer ways in and out of a rule, and what becomes of ways when two people turn out to be one."""

from datetime import time, timedelta

from services.blacklist.store import record_added
from services.chosen import these
from services.erasing.store import erase
from services.merging.merge import merge
from services.merging.undo import undo
from services.persons.store import record_own
from services.reminders.model import Policy, Quiet
from services.reminders.store import record_policy
from services.sops.by_hand import bring_in, take_out
from services.sops.listing import load_totals
from services.sops.model import Audience, Exit, Trigger
from services.sops.workdays import calendar_of
from services.stages.model import CustomerStageChanged
from shared.audit import Origin, record_audit
from shared.ids import CustomerId, UserId
from tests.services.chats.conftest import add_chat
from tests.services.sops.sopping import SopShop, after, at, on

VISITED = Trigger("event", event="visited")
HOUR = timedelta(hours=1)


def states_of_messages(shop: SopShop) -> list[tuple[str, str]]:
    return shop.rows(
        "select f.payload ->> 'enrolment_id', o.state from outbox o join fact f on f.tenant_id = o.tenant_id "
        "and f.id = o.fact_id where o.notice = 'sop_step' order by o.id"
    )


def totals(shop: SopShop) -> dict[tuple[int, str], int]:
    """(step, state) -> how many, as the tally has it."""
    found: dict[tuple[int, str], int] = {}
    for one in shop.do(load_totals, shop.tenant.id):
        found[one.step_id, one.state] = found.get((one.step_id, one.state), 0) + one.n
    return found


def counted(shop: SopShop) -> dict[tuple[int, str], int]:
    """The same, counted."""
    rows = shop.rows(
        "select 0, state, count(*) from sop_enrolment group by 2 "
        "union all select step_id, state, count(*) from sop_progress group by 1, 2"
    )
    return {(step, state): n for step, state, n in rows}


def test_whoever_is_blacklisted_lost_or_moved_on_hears_no_more(shop: SopShop):
    """Each exit ends the way and takes back what has not gone out; without it, the way goes on (SOP-1)."""
    (_, (stage, other)) = shop.shop.line(None, None)
    exits = [Exit("blacklisted"), Exit("friendship_lost"), Exit("stage", stage_id=stage)]
    ends = shop.rule("ends", after(0), after(60), trigger=VISITED, exits=exits)
    stays = shop.rule("stays", after(0), after(60), trigger=VISITED)
    a, b, c, d = shop.customers(4)
    for n, one in enumerate((a, b, c, d)):
        shop.happen(one, f"E{n}")
    shop.look()
    shop.do(record_added, shop.tenant, these(shop.tenant.id, [a]), "spam", by="x", now=shop.now)
    shop.run("update relation set state = 'ended_by_customer', ended_at = :now where external_userid = :wm",
             now=shop.now, wm=f"wm{b}")  # fmt: skip
    shop.tell(*(CustomerStageChanged(occurred_at=shop.now, customer_id=CustomerId(one), line_id=1, from_stage_id=None,
                                     to_stage_id=to, why="hand") for one, to in ((c, stage), (d, other))))  # fmt: skip
    shop.look()
    why = "select customer_id, ended_why from sop_enrolment where rule_id = :r order by customer_id"
    assert shop.rows(why, r=ends) == [
        (a, "exit:blacklisted"), (b, "exit:lost"), (c, f"exit:stage:{stage}"), (d, None),
    ]  # fmt: skip
    shop.wait(HOUR)
    told = [(whom, n) for whom, n in shop.rows(
        "select cast(payload ->> 'customer_id' as bigint), count(*) from fact where type = 'sop_step_due' "
        "and cast(payload ->> 'rule_id' as bigint) = :r group by 1 order by 1", r=ends)]  # fmt: skip
    assert told == [(a, 1), (b, 1), (c, 1), (d, 2)]
    withdrawn = {key: state for key, state in states_of_messages(shop) if state == "withdrawn"}
    first = shop.rows("select id from sop_enrolment where rule_id = :r and state = 'ended' and ended_why <> 'finished' "
                      "order by id", r=ends)  # fmt: skip
    assert sorted(withdrawn) == [str(one) for (one,) in first]
    assert {state for state, _ in shop.ways(stays)} == {"ended"}
    assert {why for _, why in shop.ways(stays)} == {"finished"}


def test_whoever_stands_so_already_is_out_at_the_first_look(shop: SopShop):
    """Brought in by hand though blacklisted, or lost long ago: no mark tells of it, and nobody is told (SOP-1)."""
    exits = [Exit("blacklisted"), Exit("friendship_lost")]
    rule_id = shop.rule("r", after(0), trigger=Trigger("by_hand"), exits=exits)
    a, b = shop.customers(2)
    shop.do(record_added, shop.tenant, these(shop.tenant.id, [a]), "spam", by="x", now=shop.now)
    shop.run("update relation set state = 'ended_by_customer', ended_at = :now where external_userid = :wm",
             now=shop.now, wm=f"wm{b}")  # fmt: skip
    shop.look()
    shop.do(bring_in, shop.tenant, rule_id, [a, b], calendar_of("Asia/Shanghai"), by="x", now=shop.now)
    shop.look()
    assert shop.ways(rule_id) == [("ended", "exit:blacklisted"), ("ended", "exit:lost")]
    assert shop.reminded() == []


def test_a_last_step_that_waits_is_taken_back_as_well(shop: SopShop):
    """The way is through, its last reminder waits for the morning: an exit or a person comes first (SOP-1)."""
    night = Quiet(time(10), time(18))  # it is ten o'clock there
    shop.do(record_policy, shop.tenant.id, Policy(quiet=night), by="x", now=shop.now)
    rule_id = shop.rule("r", after(0), trigger=VISITED, exits=[Exit("blacklisted")], overdue_after_s=3600)
    a, b, c = shop.customers(3)
    for n, one in enumerate((a, b, c)):
        shop.happen(one, f"E{n}")
    shop.look()
    assert shop.ways(rule_id) == [("ended", "finished")] * 3
    shop.do(record_added, shop.tenant, these(shop.tenant.id, [a]), "spam", by="x", now=shop.now)
    shop.do(take_out, shop.tenant, 2, now=shop.now)
    shop.look()
    assert states_of_messages(shop) == [("1", "withdrawn"), ("2", "withdrawn"), ("3", "due")]
    shop.wait(timedelta(hours=10))
    assert shop.rows("select payload ->> 'enrolment_id' from fact where type = 'sop_step_overdue'") == [("3",)]


def test_a_purchase_brings_in_once_it_is_paid(shop: SopShop):
    """From its payment on; an order that is not paid, and a paid one that is sent, bring nobody in (SOP-1)."""
    rule_id = shop.rule("r", after(30), trigger=Trigger("purchase"), reentry="each")
    a, b = shop.customers(2)
    shop.shop.pass_time(HOUR)
    shop.shop.order(a, "O1", status="pending")
    shop.shop.order(b, "O2")
    shop.shop.order(b, "O3", at=at("2026-01-01T00:00"))  # paid before the rule ran
    shop.look()
    found = "select customer_id, anchor_at from sop_enrolment where rule_id = :r order by id"
    assert shop.rows(found, r=rule_id) == [(b, shop.now)]
    shop.shop.order(a, "O1", status="paid")
    shop.look()
    shop.shop.order(a, "O1", status="shipped")
    shop.look()
    assert [who for who, _ in shop.rows(found, r=rule_id)] == [b, a]


def test_a_date_brings_in_whoever_is_meant_that_day(shop: SopShop):
    """At its midnight, once, customers and chats alike (SOP-1, SOP-2)."""
    shop.set_time(at("2026-11-22T12:00"))
    day = at("2026-11-25T00:00").date() + timedelta(days=1)  # of the corp
    a, b = shop.customers(2)
    shop.assign(b, "WangFang")
    with shop.runtime.engine.begin() as connection:
        add_chat(connection, shop.tenant, "wrA", owner="LiNa", created=shop.now, at=shop.now)
    hers = Audience(userids=(UserId("LiNa"),))
    rules = [
        shop.rule(about, on(0, "10:00", "hi"), trigger=Trigger("date", day=day), subject=about, audience=hers)
        for about in ("customer", "chat")
    ]
    for _ in range(4 * 8):
        shop.wait(3 * HOUR)
    entered = "select rule_id, coalesce(cast(customer_id as text), chat_id), anchor_at from sop_enrolment order by 1"
    start = at("2026-11-25T00:00")
    assert shop.rows(entered) == [(rules[0], str(a), start), (rules[1], "wrA", start)]
    assert [(whom, when) for whom, _, when in shop.reminded()] == [(str(a), "11-25 12:00"), ("wrA", "11-25 12:00")]


def test_a_field_of_the_retailers_own_comes_round_each_year(shop: SopShop):
    """Days before it; who was born on 29 February has it on the 28th of other years (SOP-1)."""
    shop.set_time(at("2026-11-22T12:00"))
    shop.run("insert into custom_field (tenant_id, key, name, kind, personal, position, created_at) "
             "values (:t, 'wedding', '纪念日', 'date', false, 1, :now)", t=shop.tenant.id, now=shop.now)  # fmt: skip
    a, b, c = shop.customers(3)
    for one, day in ((a, "2015-12-01"), (b, "2020-02-29"), (c, "2015-12-02")):
        shop.do(record_own, shop.tenant, CustomerId(one), {"fields": {"wedding": day}}, now=shop.now)
    shop.look()
    rule_id = shop.rule("r", on(0, "09:00"), trigger=Trigger("yearly", field="own:wedding", days_before=3),
                        reentry="after_end")  # fmt: skip
    sql = "select customer_id, anchor_at from sop_enrolment where rule_id = :r order by anchor_at, id"
    for day in ("2026-11-27", "2026-11-28", "2026-11-29", "2027-02-24", "2027-02-25", "2027-11-28"):
        shop.set_time(at(f"{day}T08:00"))
        shop.look()
    assert shop.rows(sql, r=rule_id) == [
        (a, at("2026-11-28T00:00")),
        (c, at("2026-11-29T00:00")),
        (b, at("2027-02-25T00:00")),
        (a, at("2027-11-28T00:00")),
    ]


def test_two_people_on_their_way_in_one_rule_become_one_and_part_again(shop: SopShop):
    """One way remains and nobody is told twice: not of what waits, not that it is overdue. Parted again, each goes on,
    and what was told for both stays told (SOP-1, SOP-6, CUS-9)."""
    rule_id = shop.rule("r", after(0), after(60), after(600), trigger=VISITED, overdue_after_s=7200)
    other_rule = shop.rule("other", after(60), trigger=Trigger("event", event="bought"))
    a, b = shop.customers(2)
    shop.run("update customer set assigned_userid = null where id = :b", b=b)
    shop.run("delete from relation where external_userid = :wm", wm=f"wm{b}")
    shop.run("delete from external_contact where external_userid = :wm", wm=f"wm{b}")
    shop.assign(b, "WangFang")
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.happen(b, "E9", "bought")
    shop.look()
    assert states_of_messages(shop) == [("1", "due"), ("2", "due")]

    def join() -> int:
        done = shop.do(merge, shop.tenant, CustomerId(a), CustomerId(b), by="x", now=shop.now)
        shop.do(record_audit, shop.tenant, done.changes, Origin("x", None, shop.now))
        return int(done.merge_id)

    merge_id = join()
    shop.look()
    assert shop.rows("select customer_id, rule_id from sop_enrolment order by id") == [(a, rule_id), (a, other_rule)]
    assert states_of_messages(shop) == [("1", "due"), ("2", "withdrawn")]
    assert shop.rows("select enrolment_id, state, why from sop_progress order by 1") == [
        (1, "reminded", None), (2, "skipped", "merged"),
    ]  # fmt: skip
    assert totals(shop) == counted(shop)
    shop.wait(HOUR)
    assert [(whom, step) for whom, step, _ in shop.reminded()][2:] == [(str(a), 2), (str(a), 1)]
    shop.wait(2 * HOUR)
    overdue = "select payload ->> 'enrolment_id', payload ->> 'step_id' from fact where type = 'sop_step_overdue'"
    assert sorted(shop.rows(overdue)) == [("1", "1"), ("1", "2")]
    done = shop.do(undo, shop.tenant, merge_id, by="x", now=shop.now)
    shop.do(record_audit, shop.tenant, done.changes, Origin("x", None, shop.now))
    shop.wait(timedelta(hours=8))
    third = [(whom, step) for whom, step, _ in shop.reminded()][4:]
    assert sorted(third) == [(str(a), 3), (str(b), 2), (str(b), 3)]
    assert totals(shop) == counted(shop)
    twice = "select payload ->> 'enrolment_id', payload ->> 'step_id' from fact where type = 'sop_step_due'"
    assert len(set(shop.rows(twice))) == len(shop.rows(twice))


def test_last_reminders_of_two_who_become_one_are_one(shop: SopShop):
    """Both ways are through, both last steps wait to be told (SOP-6, CUS-9)."""
    shop.rule("r", after(0), trigger=VISITED)
    a, b = shop.customers(2)
    shop.run("delete from relation where external_userid = :wm", wm=f"wm{b}")
    shop.run("delete from external_contact where external_userid = :wm", wm=f"wm{b}")
    shop.assign(b, "WangFang")
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    shop.do(merge, shop.tenant, CustomerId(a), CustomerId(b), by="x", now=shop.now)
    assert states_of_messages(shop) == [("1", "due"), ("2", "withdrawn")]


def test_what_happened_to_a_record_before_it_was_merged_brings_in_the_one_that_stands(shop: SopShop):
    """Their mark was not looked at yet (SOP-1, CUS-9)."""
    rule_id = shop.rule("r", after(0), trigger=VISITED)
    a, b = shop.customers(2)
    shop.run("delete from relation where external_userid = :wm", wm=f"wm{b}")
    shop.run("delete from external_contact where external_userid = :wm", wm=f"wm{b}")
    shop.happen(b, "E1")
    shop.do(merge, shop.tenant, CustomerId(a), CustomerId(b), by="x", now=shop.now)
    shop.look()
    assert shop.rows("select customer_id from sop_enrolment where rule_id = :r", r=rule_id) == [(a,)]


def test_nobody_is_told_of_somebody_who_was_deleted(shop: SopShop):
    """What waits of their steps goes out no more (CUS-8); that of others does."""
    shop.rule("new", after(0), trigger=VISITED)
    gone, stays = shop.customers(2)
    for n, one in enumerate((gone, stays)):
        shop.happen(one, f"E{n}")
    shop.look()
    shop.do(erase, shop.tenant.id, [CustomerId(gone)], now=shop.now)
    told = "select f.payload ->> 'customer_id', o.state from outbox o join fact f on f.id = o.fact_id order by 1"
    assert shop.rows(told) == [(str(gone), "withdrawn"), (str(stays), "due")]


def test_totals_follow_rows_that_go(shop: SopShop):
    """Whoever is erased counts no more (SOP-4)."""
    shop.rule("r", after(0), after(60), trigger=VISITED)
    a, b = shop.customers(2)
    for n, one in enumerate((a, b)):
        shop.happen(one, f"E{n}")
    shop.look()
    for table in ("sop_progress", "sop_enrolment"):
        shop.run(f"delete from {table} where customer_id = :a", a=a)
    assert totals(shop) == counted(shop) == {(0, "running"): 1, (1, "reminded"): 1}
