"""What people want changed reaches WeCom once, is read back, and gives way to whoever was there later (G4)."""

from collections.abc import Iterator

import pytest

from services.intents.store import begin_push, load_open
from shared.requests import Subject
from sync_worker.pushing import LeaseGoneError
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.wishing import MARK, REMARK, Shop


@pytest.fixture
def shop(make_office: MakeOffice) -> Iterator[Shop]:
    yield Shop(make_office(deletion_lag_s=0))


def test_tags_and_remark_reach_wecom_and_are_read_back(shop: Shop):
    """One call per kind, confirmed by our own read; the row here is what WeCom showed after it (TAG-2)."""
    gold, silver = shop.tags
    shop.wish((f"tag:{gold}", True), (f"tag:{silver}", True), ("remark", "老友"), ("description", "爱喝茶"))
    shop.office.reconcile()
    assert shop.outcomes() == [
        (f"tag:{gold}", "confirmed", 1),
        (f"tag:{silver}", "confirmed", 1),
        ("remark", "confirmed", 1),
        ("description", "confirmed", 1),
    ]
    assert shop.writes() == 2
    assert (shop.pair()["remark"], shop.pair()["description"]) == ("老友", "爱喝茶")
    ((remark, tags, cause, by),) = shop.office.rows("select remark, corp_tag_ids, cause, caused_by from relation")
    assert (remark, sorted(tags), cause, by) == ("老友", sorted(shop.tags), "operator", "operator:Zhou")
    shop.wish((f"tag:{gold}", False))
    shop.office.reconcile()
    assert shop.office.rows("select corp_tag_ids from relation") == [([silver],)]


def test_company_and_phones_reach_wecom_and_can_be_taken_away(shop: Shop):
    """In the call of the remark; the numbers are sealed in the rows of wishes, and in no fact (TAG-2, ACC-3)."""
    numbers = ("13900000002", "13900000001")
    shop.wish(("remark", "老友"), ("remark_corp_name", "鲸鱼工作室"), ("remark_mobiles", numbers))
    shop.office.reconcile()
    assert {state for _, state, _ in shop.outcomes()} == {"confirmed"}
    assert (shop.pair()["remark_company"], shop.pair()["remark_mobiles"]) == ("鲸鱼工作室", list(numbers))
    assert shop.writes() == 1
    assert shop.office.rows("select 1 from intent where desired::text ~ '1390000000'") == []
    assert shop.office.rows("select 1 from fact where payload::text ~ '1390000000'") == []
    shop.wish(("remark_mobiles", ()))
    shop.office.reconcile()
    assert shop.pair()["remark_mobiles"] == []


def test_a_company_that_was_cleared_in_wecom_is_cleared_here(shop: Shop):
    """Reads leave it out then; that says something of a WeChat user (G2)."""
    shop.wish(("remark_corp_name", "鲸鱼工作室"))
    shop.office.reconcile()
    shop.edit_there(remark_company="")
    shop.office.want(shop.key)
    shop.office.reconcile()
    assert shop.office.rows("select remark_corp_name from relation") == [("",)]


def test_our_own_push_is_no_edit_of_an_associates(shop: Shop):
    """WeCom tells nobody of it; the facts say what was wanted came to be, never what it says (no echo)."""
    shop.wish(("remark", "老友"), (f"tag:{shop.tags[0]}", True))
    shop.office.reconcile()
    facts = shop.office.rows("select type, payload from fact where cause = 'operator' order by id")
    assert {(kind, payload.get("field"), payload.get("outcome")) for kind, payload in facts} == {
        ("relation_edit_settled", "remark", "confirmed"),
        ("relation_edit_settled", f"tag:{shop.tags[0]}", "confirmed"),
    }
    assert "老友" not in str(facts)
    assert shop.office.rows("select 1 from intent where desired::text like '%老友%'") == []


def test_an_associates_later_edit_stands(shop: Shop):
    """The author has not seen it: it is not overwritten, and the intent says why (G4)."""
    shop.wish(("remark", "老友"))
    shop.edit_there(remark="李总")
    shop.office.reconcile()
    assert shop.outcomes() == [("remark", "superseded", 0)]
    assert shop.pair()["remark"] == "李总"
    assert shop.office.rows("select remark from relation") == [("李总",)]
    assert shop.writes() == 0
    assert shop.office.rows("select payload ->> 'changed' from fact where type = 'relation_edited'") == [
        ('["remark"]',)
    ]


def test_a_newer_wish_takes_the_place_of_an_older_one(shop: Shop):
    """Also when the older one was written already and nobody here knows it yet."""
    shop.wish(("remark", "甲"))
    shop.office.corp.post("/sim/faults", {"path": "externalcontact/get", "errcode": -1, "skip": 1, "times": 9})
    shop.office.reconcile()  # pushed, and not read back
    assert shop.pair()["remark"] == "甲"
    shop.office.corp.post("/sim/faults", {"clear": True})
    shop.wish(("remark", "乙"))
    shop.office.reconcile()
    assert shop.outcomes() == [("remark", "superseded", 1), ("remark", "confirmed", 1)]
    assert shop.pair()["remark"] == "乙"


def test_a_crash_between_push_and_commit_pushes_nothing_again(shop: Shop):
    """A run pushes and dies before it records anything; the next first read shows it: confirmed, with one push."""
    shop.wish(("remark", "老友"), (f"tag:{shop.tags[0]}", True))
    shop.look_and_die()
    assert shop.writes() == 2
    assert [state for _, state, _ in shop.outcomes()] == ["sent", "sent"]
    shop.office.reconcile()
    assert [state for _, state, _ in shop.outcomes()] == ["confirmed", "confirmed"]
    assert shop.writes() == 2
    assert shop.office.rows("select 1 from fact where type = 'relation_edited'") == []


def test_a_run_that_lost_its_lease_pushes_nothing(shop: Shop):
    """One writer per relation (45035): whoever has the newest fence."""
    shop.wish(("remark", "老友"))
    with pytest.raises(LeaseGoneError):
        shop.look_and_die(stolen=True)
    assert shop.writes() == 0


def test_a_refusal_says_which_and_why(shop: Shop):
    """A tag that WeCom does not know any more spoils no other one of the same call."""
    gold, silver = shop.tags
    shop.office.corp.act({"do": "delete_tag", "tag_id": gold, "silent": True})
    shop.wish((f"tag:{gold}", True), (f"tag:{silver}", True))
    shop.office.reconcile()
    rows = shop.office.rows("select field, state, refusal from intent order by id")
    assert rows == [
        (f"tag:{gold}", "refused", "40068: the tag id is invalid or does not exist"),
        (f"tag:{silver}", "confirmed", None),
    ]
    (code,) = shop.office.rows("select payload -> 'code' from fact where payload ->> 'outcome' = 'refused'")
    assert code == (40068,)


def test_an_answer_that_is_lost_is_known_by_the_next_read(shop: Shop):
    """WeCom took it and the connection broke: the client does not repeat it, the read back finds it."""
    shop.office.corp.post("/sim/faults", {"path": REMARK, "cut": "after", "times": 1})
    shop.wish(("remark", "老友"))
    shop.office.reconcile()
    assert (shop.outcomes(), shop.pair()["remark"], shop.writes()) == ([("remark", "confirmed", 1)], "老友", 1)


def test_a_push_that_wecom_is_too_busy_for_holds_up_no_record(shop: Shop):
    """What the associate edited is recorded at once; the push is tried again later."""
    shop.office.corp.post("/sim/faults", {"path": MARK, "errcode": -1, "times": 1})
    shop.edit_there(description="爱喝茶")
    shop.wish((f"tag:{shop.tags[0]}", True))
    shop.office.reconcile()
    assert shop.office.rows("select description, corp_tag_ids from relation") == [("爱喝茶", [])]
    ((due, waits),) = shop.office.rows("select generation > settled_generation, next_try_at > now() from request "
                                       f"where subject_key = '{shop.key}'")  # fmt: skip
    assert (due, waits) == (True, True)
    shop.office.want(shop.key)
    shop.office.reconcile()
    assert shop.office.rows("select corp_tag_ids from relation") == [([shop.tags[0]],)]


def test_an_api_that_is_closed_holds_up_no_other(shop: Shop):
    """WeCom takes no tags for a while, and the remark goes out all the same (G6)."""
    shop.office.corp.post("/sim/faults", {"path": MARK, "errcode": 45009, "times": 1})
    shop.wish((f"tag:{shop.tags[0]}", True), ("remark", "老友"))
    shop.office.reconcile()
    assert {field: state for field, state, _ in shop.outcomes()} == {
        f"tag:{shop.tags[0]}": "sent",
        "remark": "confirmed",
    }
    assert shop.pair()["remark"] == "老友"


def test_an_edit_after_our_push_is_told_as_theirs(shop: Shop):
    """We wrote it, could not read it back, and the associate wrote over it: their edit is a fact, our wish has lost."""
    shop.office.want(shop.key)
    shop.edit_there(remark="从前")
    shop.office.reconcile()
    shop.wish(("remark", "甲"))
    shop.office.corp.post("/sim/faults", {"path": "externalcontact/get", "errcode": -1, "skip": 1, "times": 9})
    shop.office.reconcile()
    shop.office.corp.post("/sim/faults", {"clear": True})
    shop.edit_there(remark="李总")
    shop.office.want(shop.key)
    shop.office.reconcile()
    assert shop.outcomes() == [("remark", "superseded", 1)]
    assert shop.office.rows("select payload ->> 'changed' from fact where type = 'relation_edited' "
                            "order by id desc limit 1") == [('["remark"]',)]  # fmt: skip


def test_what_was_withdrawn_is_not_pushed(shop: Shop):
    """Between plan and call, a wish may end and a corp become observed only: the commit before the call looks."""
    shop.wish(("remark", "甲"))
    tenant, now = shop.office.tenant, shop.office.runtime.clock.now()
    subject = Subject(tenant.id, "external_contact", shop.key)
    with shop.office.runtime.engine.begin() as connection:
        first = load_open(connection, tenant, subject)
    shop.wish(("remark", "乙"))
    with shop.office.runtime.engine.begin() as connection:
        assert begin_push(connection, tenant.id, first, now=now) == set()
        second = load_open(connection, tenant, subject)
        connection.exec_driver_sql("update tenant set pushes = false")
        assert begin_push(connection, tenant.id, second, now=now) == set()
        connection.exec_driver_sql("update tenant set pushes = true")
        assert begin_push(connection, tenant.id, second, now=now) == {second[0].id}


def test_the_lease_lasts_as_long_as_a_call_may(make_office: MakeOffice):
    """It is prolonged in the commit before the call, so nobody else takes the customer meanwhile (45035)."""
    shop = Shop(make_office(deletion_lag_s=0, lease_s=900))
    shop.wish(("remark", "老友"))
    shop.look_and_die(free=False)
    ((left,),) = shop.office.rows(f"select extract(epoch from lease_until - now())::int from request "
                                  f"where subject_key = '{shop.key}'")  # fmt: skip
    assert left > 600


def test_observe_only_writes_nothing_and_keeps_what_is_wanted(shop: Shop):
    """A corp whose file does not say `pushes = true`: all is planned, nothing is written."""
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    shop.wish(("remark", "老友"), (f"tag:{shop.tags[0]}", True))
    shop.office.reconcile()
    assert shop.writes() == 0
    assert [state for _, state, _ in shop.outcomes()] == ["pending", "pending"]
