"""What a pass ends, and what it does not dare to end: confirmed by a read, judged by who is in sight, guarded."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from commands.demo_corp import record_demo_corp
from shared.db.engine import run
from shared.plans import NoSuchPlanError, approve, list_plans
from tests.sync_worker.conftest import Office
from tests.sync_worker.shops import TEAM, customers_of, see, shop_of, states


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with 200 relations, fifty of each associate; ten may go in one pass."""
    return shop_of(make_office, 50, guard_floor=10, guard_share=0.05)


def calls(office: Office) -> int:
    return sum(sum(codes.values()) for codes in office.corp.get("/sim/calls").values())


def test_a_deletion_whose_event_was_lost_is_found_and_confirmed(shop: Office):
    """Missing in a complete walk, missing in a read of its own, the associate in sight: the associate ended it."""
    gone = customers_of(shop, "LiNa")[:3]
    for one in gone:
        shop.corp.act({"do": "member_deletes", "userid": "LiNa", "external_userid": one, "silent": True})
    before = calls(shop)
    assert shop.resync("external_contact") == [("external_contact", "done")]
    assert states(shop, "LiNa") == {"active": 47, "ended_by_associate": 3}
    told = shop.rows("select type, cause, (payload ->> 'evidenced')::bool from fact where type = 'relation_deleted'")
    assert told == [("relation_deleted", "resync", False)] * 3
    # One page per associate here, the members in sight three times, the unassigned once, one read per suspect.
    assert calls(shop) - before == len(TEAM) + 3 + 1 + len(gone)


def test_a_pass_over_what_has_not_changed_writes_nothing(shop: Office):
    """No row, no fact, and as many calls as there are pages."""
    shop.resync("external_contact")
    count = "select (select count(*) from fact), (select sum(xmin::text::bigint) from relation)"
    before, called = shop.rows(count), calls(shop)
    assert shop.resync("external_contact") == [("external_contact", "done")]
    assert shop.rows(count) == before
    assert calls(shop) - called == len(TEAM) + 3 + 1


def test_a_lost_customer_stays_lost(shop: Office):
    """Reads go on showing one who removed the associate; only the event told, and no pass undoes that (LOSS-1)."""
    lost = customers_of(shop, "LiNa")[0]
    shop.happen({"do": "customer_deletes", "userid": "LiNa", "external_userid": lost}, "ended_by_customer")
    shop.reconcile()
    for _ in range(2):
        assert shop.resync("external_contact") == [("external_contact", "done")]
        assert states(shop, "LiNa") == {"active": 49, "ended_by_customer": 1}


def test_customers_of_a_member_who_left_are_not_deleted(shop: Office):
    """They wait in the list of the unassigned: neither lost nor deleted (LOSS-1, TRF-2)."""
    shop.corp.act({"do": "resign", "userid": "ZhaoMin", "silent": True})
    shop.resync()
    assert states(shop, "ZhaoMin") == {"associate_left": 50}
    assert shop.rows("select standing, count(*) from customer group by 1 order by 1") == [("friend", 150), ("left", 50)]
    assert shop.rows("select count(*) from removal_plan") == [(0,)]


def test_half_of_the_visible_range_cut_off_waits_for_a_person(shop: Office):
    """Nothing is removed, the operator sees why, other changes go on; once approved, exactly that plan is applied."""
    see(shop, ["LiNa", "WangFang"])
    added = shop.corp.act({"do": "add", "userid": "LiNa", "name": "新客户", "silent": True})["external_userid"]
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert states(shop, "ZhaoMin") == states(shop, "ZhangWei") == {"active": 50}
    assert shop.rows(f"select state from relation where external_userid = '{added}'") == [("active",)]
    with shop.runtime.engine.begin() as connection:
        (plan,) = list_plans(connection, shop.tenant.id)
    assert (plan["state"], plan["counts"]) == ("refused", {"out_of_sight": 100})
    assert "100 of 201 would go" in plan["reason"]
    ((incomplete,),) = shop.rows("select incomplete from sync_run order by id desc limit 1")
    assert plan["checksum"] in incomplete[-1][1]
    # The same again is the same plan; news of one of its relations goes on meanwhile.
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    with shop.runtime.engine.begin() as connection:
        assert [(one["checksum"], one["state"]) for one in list_plans(connection, shop.tenant.id)] == [
            (plan["checksum"], "refused")
        ]
    lost = shop.rows("select external_userid from relation where userid = 'ZhaoMin' order by 1 limit 1")[0][0]
    shop.happen({"do": "customer_deletes", "userid": "ZhaoMin", "external_userid": lost}, "ended_by_customer")
    shop.reconcile()
    with shop.runtime.engine.begin() as connection:
        with pytest.raises(NoSuchPlanError, match=plan["checksum"]):
            approve(connection, shop.tenant.id, "000000000000", by="Zhou", now=shop.runtime.clock.now())
        approve(connection, shop.tenant.id, plan["checksum"], by="Zhou", now=shop.runtime.clock.now())
    shop.walk()
    assert states(shop, "ZhaoMin") == {"out_of_sight": 49, "ended_by_customer": 1}
    assert states(shop, "ZhangWei") == {"out_of_sight": 50}
    assert states(shop, "LiNa") == {"active": 51}
    with shop.runtime.engine.begin() as connection:
        (applied,) = list_plans(connection, shop.tenant.id)
    assert (applied["state"], applied["decided_by"], applied["skipped"]) == ("applied", "Zhou", 1)
    assert shop.rows("select count(*) from customer where standing in ('lost', 'deleted')") == [(1,)]


def test_a_range_that_comes_back_withdraws_the_plan_and_shows_all_again(shop: Office):
    """A plan that does not hold any more cannot be approved; what went out of sight is in sight again."""
    see(shop, ["LiNa", "WangFang"])
    shop.resync("external_contact")
    see(shop, TEAM)
    assert shop.resync("external_contact") == [("external_contact", "done")]
    with shop.runtime.engine.begin() as connection:
        assert [one["state"] for one in list_plans(connection, shop.tenant.id)] == ["superseded"]
    assert shop.rows("select state, count(*) from relation group by 1") == [("active", 200)]


def test_what_ended_out_of_sight_ends_when_the_associate_is_seen_again(make_office: Callable[..., Office]):
    """Nobody saw it, and no event came; the pass asks what became of those it does not find again (G2)."""
    shop = make_office(deletion_lag_s=0)
    shop.corp.add_customers(5, userids=["LiNa"])
    record_demo_corp(shop.runtime)
    shop.walk()
    see(shop, [one for one in TEAM if one != "LiNa"])
    shop.resync()
    assert states(shop, "LiNa") == {"out_of_sight": 5}
    for one in customers_of(shop, "LiNa")[:2]:
        shop.corp.act({"do": "member_deletes", "userid": "LiNa", "external_userid": one, "silent": True})
    see(shop, TEAM)
    shop.resync()
    assert states(shop, "LiNa") == {"active": 3, "ended_by_associate": 2}


def test_an_empty_answer_about_who_is_in_sight_hides_nobody(shop: Office):
    """The first look says that nobody has the function, the second that all have: nothing was read, nothing goes."""
    shop.corp.post("/sim/faults", {"path": "externalcontact/get_follow_user_list", "spoil": "empty", "times": 2})
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert shop.rows("select state, count(*) from relation group by 1") == [("active", 200)]
    assert shop.rows("select count(*) from removal_plan") == [(0,)]
    assert shop.resync("external_contact") == [("external_contact", "done")]


def test_a_plan_whose_application_fails_waits_for_a_person_again(make_office: Callable[..., Office]):
    """Approved and not applied would be neither: nobody could approve it again, and no pass could make another."""
    shop = make_office(guard_floor=0, guard_share=0.0, resync_tries=1, deletion_lag_s=0)
    shop.corp.add_customers(5, userids=["LiNa"])
    record_demo_corp(shop.runtime)
    shop.walk()
    see(shop, ["WangFang"])
    shop.resync("external_contact")
    with shop.runtime.engine.begin() as connection:
        (plan,) = list_plans(connection, shop.tenant.id)
        approve(connection, shop.tenant.id, plan["checksum"], by="Zhou", now=shop.runtime.clock.now())
        run(connection, "update removal_operation set details = '{}'")  # a row that cannot be read any more
    shop.walk()
    with shop.runtime.engine.begin() as connection:
        assert [one["state"] for one in list_plans(connection, shop.tenant.id)] == ["refused"]
    assert shop.rows("select state from sync_run where kind = 'approval'") == [("failed",)]
    assert states(shop, "LiNa") == {"active": 5}


def test_a_corp_that_cannot_be_opened_holds_up_no_other(make_office: Callable[..., Office]):
    """Its data key is damaged: its passes wait, those of the others are walked."""
    shop = make_office()
    record_demo_corp(shop.runtime, corp_id="wwbroken00000001")
    record_demo_corp(shop.runtime)
    with shop.runtime.engine.begin() as connection:
        run(connection, "update tenant set data_key = 'x' where corp_id = 'wwbroken00000001'")
    shop.walk()
    assert shop.rows("select state from tenant order by id") == [("bootstrap",), ("live",)]
    assert shop.rows("select distinct last_error from sync_run where tenant_id = 1")[0][0].startswith("the corp cannot")


def test_a_withdrawn_permission_is_not_asked_for_a_hundred_times(shop: Office):
    """48002 refuses the app: smaller blocks are refused as well, so the block is left out as it is (G6)."""
    quick = shop.runtime.settings.model_copy(update={"resync_tries": 1, "resync_parallel": 1})
    shop.runtime = replace(shop.runtime, settings=quick)
    shop.__post_init__()
    path = "externalcontact/batch/get_by_user"
    shop.corp.post("/sim/faults", {"path": path, "errcode": 48002, "times": 99})
    before = sum(shop.corp.get("/sim/calls").get(path, {}).values())
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert sum(shop.corp.get("/sim/calls")[path].values()) - before == 1
    ((incomplete,),) = shop.rows("select incomplete from sync_run order by id desc limit 1")
    assert "48002" in incomplete[0][1]
    assert shop.rows("select state, count(*) from relation group by 1") == [("active", 200)]
