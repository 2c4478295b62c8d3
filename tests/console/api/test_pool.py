"""The pool as a retailer's system meets it, and what becomes of people in it when WeCom shows friendships."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from services.customers.model import Notes
from shared.api_keys import Scope
from shared.scope import DataScope
from sync_worker.pool import keep_pool
from tests.console.api.conftest import Shop, add_corp, upsert_body


@pytest.fixture
def pool(shop: Shop) -> Shop:
    """With two associates of one outlet."""
    shop.add_associates("LiNa", "WangFang")
    return shop


def enter(shop: Shop, *identities: str | tuple[str, str, bool], **more: Any) -> int:
    body = {"identities": upsert_body(*identities)["identities"], **more}
    answer = shop.ask("POST", "/pool", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json["customer_id"])


def stands(shop: Shop, customer_id: int) -> tuple[str, str | None]:
    record = shop.get(f"/pool/customers/{customer_id}")
    return record["status"], record["userid"]


def facts(shop: Shop, type_: str) -> list[dict[str, Any]]:
    return [row[0] for row in shop.rows(f"select payload from fact where type = '{type_}' order by id")]


def phones(*numbers: str, state: str | None = None) -> Notes:
    return Notes(corp_tag_ids=(), remark_mobiles=numbers, add_state=state)


def test_somebody_by_hand_is_made_entered_and_assigned_in_one_request(pool: Shop):
    """Found by an identity, or made; audited, told, in the list of the associate (POOL-1, POOL-3, ACC-2)."""
    one = enter(pool, "phone=13800138000", fields={"real_name": "王小明"}, userid="LiNa", source="shop:tmall")
    (record,) = pool.get("/pool", status="assigned", userid="LiNa")["records"]
    assert (record["customer_id"], record["real_name"], record["source"]) == (one, "王小明", "shop:tmall")
    assert record["phones"] == ["+8613800138000"]
    assert [c["why"] for c in pool.get(f"/pool/customers/{one}/changes")["changes"]] == ["entered", "operator"]
    assert pool.rows("select action, actor from audit where action like 'pool.%' order by id") == [
        ("pool.entered", "api:crm"), ("pool.assigned", "api:crm"),
    ]  # fmt: skip
    again = pool.ask("POST", "/pool", {"identities": [{"kind": "phone", "value": "13800138000"}]})
    assert (again.status_code, again.json["entered"], again.json["customer_id"]) == (200, False, one)


def test_who_authorises_a_shop_enters_and_who_a_crm_copies_does_not(pool: Shop):
    """An upsert may say otherwise; a friend never enters (POOL-1)."""
    shopper = pool.upsert("shop:tmall=b-1")["customer"]["id"]
    copied = pool.upsert("crm=C-1")["customer"]["id"]
    assert stands(pool, shopper) == ("unassigned", None)
    assert pool.ask("GET", f"/pool/customers/{copied}").status_code == 404
    body = upsert_body("crm=C-1") | {"pool": {"source": "import"}}
    assert pool.ask("POST", "/customers:upsert", body).status_code == 200
    assert pool.get(f"/pool/customers/{copied}")["source"] == "import"
    pool.befriend("wmOne", "LiNa", unionid="un1")
    pool.ask("POST", "/customers:upsert", upsert_body("unionid=un1", "miniapp:wx1=o-1") | {"pool": {"enter": True}})
    assert [one["customer_id"] for one in pool.get("/pool")["records"]] == [shopper, copied]


def test_the_list_filters_and_pages_and_counts(pool: Shop):
    """By status, associate, source, reason and time of entry; counts by status (POOL-2)."""
    ids = [enter(pool, f"crm=C-{n}", source="import" if n % 2 else "hand") for n in range(5)]
    pool.ask("PUT", f"/pool/customers/{ids[0]}/associate", {"userid": "LiNa"})
    pool.ask("PUT", f"/pool/customers/{ids[0]}/unreachable", {"reason": "no_answer", "userid": "LiNa"})
    assert pool.get("/pool/counts") == {"unassigned": 4, "assigned": 0, "unreachable": 1, "added": 0, "blacklisted": 0}
    assert [r["customer_id"] for r in pool.get("/pool", reason="no_answer")["records"]] == ids[:1]
    assert [r["customer_id"] for r in pool.get("/pool", source="import")["records"]] == [ids[1], ids[3]]
    assert pool.get("/pool", entered_before="2026-11-21T00:00:00Z")["records"] == []
    first = pool.get("/pool", limit=3)
    rest = pool.get("/pool", limit=3, cursor=first["next_cursor"])
    assert [r["customer_id"] for r in first["records"] + rest["records"]] == ids and rest["next_cursor"] is None


def test_all_that_a_filter_finds_is_shared_out_once_however_often_it_is_asked(pool: Shop):
    """Not a page of it; a repeat with the same key is one batch (POOL-4)."""
    for n in range(7):
        enter(pool, f"crm=C-{n}", source="import")
    enter(pool, "crm=other")
    body = {"records": {"source": ["import"]}, "department_ids": [1], "how": "random"}
    first = pool.ask("POST", "/pool:assign", body, once="k1")
    assert (first.status_code, first.json["state"], first.json["assigned_count"]) == (202, "done", 7)
    assert pool.ask("POST", "/pool:assign", body, once="k1").json["id"] == first.json["id"]
    shares = [len(pool.get("/pool", userid=one)["records"]) for one in ("LiNa", "WangFang")]
    assert sorted(shares) == [3, 4]
    assert pool.get("/pool/counts")["unassigned"] == 1


def test_the_filter_of_customers_chooses_within_the_pool(pool: Shop):
    """All of the pool that it finds, in the status that is to be given, and nobody else; counted before (POOL-4)."""
    gold = [enter(pool, f"crm=G-{n}", fields={"level": "gold"}, source="import") for n in range(4)]
    enter(pool, "crm=G-hand", fields={"level": "gold"})
    enter(pool, "crm=S-1", fields={"level": "silver"}, source="import")
    enter(pool, "crm=G-taken", fields={"level": "gold"}, source="import", userid="LiNa")
    pool.upsert("crm=G-outside", level="gold")
    pool.renew_cards()
    whom = {
        "filter": {"groups": [{"conditions": [{"field": "level", "op": "any_of", "value": ["gold"]}]}]},
        "records": {"source": ["import"]},
    }
    assert pool.ask("POST", "/pool:preview", whom).json["count"] == 4
    assert pool.ask("POST", "/pool:preview", whom | {"also_assigned": True}).json["count"] == 5
    shared = pool.ask("POST", "/pool:assign", whom | {"userids": ["WangFang"]})
    assert (shared.status_code, shared.json["assigned_count"]) == (202, 4)
    assert [one["customer_id"] for one in pool.get("/pool", userid="WangFang")["records"]] == gold


def test_who_is_blacklisted_is_given_by_people_only(pool: Shop):
    """Batches and rules leave them out, and count them; a claim stands and shows it (CUS-10, POOL-4, POOL-12)."""
    one, two, three = (enter(pool, f"crm=C-{n}") for n in range(3))
    for listed in (one, two):
        assert pool.ask("PUT", f"/customers/{listed}/blacklist", {"reason": "insists"}).status_code == 201
    assert pool.ask("POST", "/pool:preview", {"filter": {}}).json == {"count": 1, "blacklisted_count": 2}
    rule = {"name": "all", "action": {"userids": ["LiNa"]}}
    assert pool.ask("POST", "/pool/assign-rules", rule).status_code == 201
    keep_pool(pool.runtime)
    assert [stands(pool, who) for who in (one, two, three)] == [
        ("unassigned", None), ("unassigned", None), ("assigned", "LiNa"),
    ]  # fmt: skip
    shared = pool.ask("POST", "/pool:assign", {"filter": {}, "userids": ["LiNa"]}).json
    assert (shared["total_count"], shared["blacklisted_count"]) == (0, 2)
    assert pool.get("/pool/counts")["blacklisted"] == 2
    claimed = pool.ask("POST", "/pool:claim", {"userid": "WangFang", "customer_ids": [one]}).json
    assert (claimed["customer_ids"], claimed["blacklisted_ids"]) == ([one], [one])
    assert pool.get(f"/pool/customers/{one}")["blacklisted"]
    off = {"reason": "asked for it"}
    assert pool.ask("POST", f"/customers/{two}/blacklist/removal", off).status_code == 200
    pool.clock.advance(timedelta(days=1, seconds=1).total_seconds())
    keep_pool(pool.runtime)
    assert stands(pool, two) == ("assigned", "LiNa")


def test_a_batch_over_a_filter_that_cannot_be_read_is_refused_with_its_places(pool: Shop):
    """As a search does (POOL-4, G8)."""
    filter_ = {"groups": [{"conditions": [{"field": "level", "op": "within", "value": 1}]}]}
    refused = pool.ask("POST", "/pool:assign", {"filter": filter_, "userids": ["LiNa"]})
    assert (refused.status_code, refused.json["type"]) == (422, "urn:guanxi:problem:filter")
    assert [one["field"] for one in refused.json["errors"]] == ["/filter/groups/0/conditions/0/op"]


def test_one_of_many_requests_that_claim_at_once_wins(pool: Shop):
    """The others hear who has them (POOL-5)."""
    one = enter(pool, "crm=C-1")
    barrier, answers = threading.Barrier(8), []

    def reach(userid: str) -> None:
        barrier.wait()
        answers.append((userid, pool.ask("POST", "/pool:claim", {"userid": userid, "customer_ids": [one]})))

    threads = [threading.Thread(target=reach, args=(("LiNa", "WangFang")[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [userid for userid, answer in answers if answer.json["customer_ids"] and answer.status_code == 200]
    late = [answer for userid, answer in answers if userid != winner]
    assert {(answer.status_code, answer.json["type"]) for answer in late} == {(409, "urn:guanxi:problem:pool-taken")}
    assert late[0].json["errors"] == [{"field": "/customer_ids/0", "problem": f"assigned: {winner}"}]
    # A repeat of one's own claim changes nothing, and refuses nobody.
    assert sum(answer.status_code == 200 for _, answer in answers) == 4
    assert stands(pool, one) == ("assigned", winner)


def test_a_key_of_an_associate_claims_for_them_and_hears_nothing_of_others(pool: Shop):
    """Nobody sees who is nobody's, so the claim itself is what they may; whose the others are stays unsaid (ACC-1)."""
    one, two, three = (enter(pool, f"crm=C-{n}") for n in range(3))
    hers = pool.caller(Scope.POOL_WRITE, name="hers", sight=DataScope(userid="LiNa"))
    assert hers.ask("POST", "/pool:claim", {"userid": "WangFang", "customer_ids": [one]}).status_code == 403
    assert hers.ask("POST", "/pool:claim", {"userid": "LiNa", "customer_ids": [one]}).json["customer_ids"] == [one]
    assert pool.ask("POST", "/pool:claim", {"userid": "WangFang", "customer_ids": [two]}).status_code == 200
    some = hers.ask("POST", "/pool:claim", {"userid": "LiNa", "customer_ids": [two, three]})
    assert (some.status_code, some.json["customer_ids"]) == (200, [three])
    assert some.json["refused"] == [{"customer_id": two, "status": None, "userid": None}]
    late, unknown = (
        hers.ask("POST", "/pool:claim", {"userid": "LiNa", "customer_ids": [id_]}).json for id_ in (two, 999)
    )
    assert late["errors"] == unknown["errors"] == [{"field": "/customer_ids/0", "problem": "not to be had"}]
    assert (late["customer_ids"], late["detail"]) == ([two], unknown["detail"])
    outlet = pool.caller(Scope.POOL_WRITE, name="outlet", sight=DataScope(department_ids=(1,)))
    four = enter(pool, "crm=C-4")
    assert outlet.ask("POST", "/pool:claim", {"userid": "WangFang", "customer_ids": [four]}).status_code == 200


REFUSALS: tuple[tuple[str, str, dict[str, object] | None, int, str], ...] = (
    ("PUT", "/pool/customers/{id}/unreachable", {"reason": "other"}, 422, "invalid"),
    ("PUT", "/pool/customers/{id}/unreachable", {"reason": "no_answer"}, 409, "pool-refused"),
    ("PUT", "/pool/customers/{id}/associate", {"userid": "Nobody"}, 409, "pool-refused"),
    ("PUT", "/pool/customers/999/associate", {"userid": "LiNa"}, 404, "not-in-pool"),
    ("POST", "/pool:assign", {"filter": {}}, 422, "invalid"),
    ("POST", "/pool:assign", {"filter": {}, "department_ids": [77]}, 409, "pool-refused"),
    ("POST", "/pool:enter", {"customer_ids": [1], "source": "no such thing"}, 422, "invalid"),
    ("POST", "/pool:release", {"customer_ids": [1]}, 404, "not-in-pool"),
    ("GET", "/pool/batches/77", None, 404, "no-pool-thing"),
    ("PUT", "/pool/assign-rules/77", {"name": "r", "action": {"own_outlet": True}}, 404, "no-pool-thing"),
    ("PUT", "/pool/matches/77", {"customer_id": 1}, 404, "no-pool-thing"),
)


def test_what_cannot_be_done_says_why(pool: Shop):
    """Never a 500, never half of it done (POOL-8)."""
    one = enter(pool, "crm=C-1")
    for method, path, body, status, word in REFUSALS:
        answer = pool.ask(method, path.format(id=one), body)
        assert (answer.status_code, answer.json["type"]) == (status, f"urn:guanxi:problem:{word}"), path
    assert stands(pool, one) == ("unassigned", None)


def test_another_corps_pool_does_not_exist(pool: Shop):
    """Neither shown nor changed, whatever the scopes (ACC-1)."""
    one = enter(pool, "crm=C-1")
    other = pool.caller(tenant=add_corp(pool.runtime.engine, pool.runtime.vault, pool.clock, "ww0000000000000009"))
    assert other.ask("GET", f"/pool/customers/{one}").status_code == 404
    assert other.ask("POST", "/pool:enter", {"customer_ids": [one], "source": "hand"}).json["left_out"] == [one]
    assert pool.caller(Scope.POOL_READ, name="r").ask("POST", "/pool:claim", {}).status_code == 403


def test_whom_a_friendship_shows_by_unionid_leaves_the_pool_in_that_commit(pool: Shop):
    """The contact is that customer, and nobody is to add them any more (POOL-9)."""
    one = enter(pool, "unionid=un1", userid="LiNa")
    pool.befriend("wmOne", "LiNa", unionid="un1")
    assert stands(pool, one) == ("added", "LiNa")
    assert facts(pool, "pool_added") == [
        {"customer_id": one, "userid": "LiNa", "how": "contact", "from_userid": "LiNa"}
    ]


def test_a_half_add_leaves_nobody_out_of_the_pool(pool: Shop):
    """It is no friendship (POOL-9, ASG-10)."""
    one = enter(pool, "unionid=un1", userid="LiNa")
    pool.befriend("wmOne", unionid="un1")
    assert stands(pool, one) == ("assigned", "LiNa")


def test_a_contact_that_learns_its_unionid_later_becomes_that_customer(pool: Shop):
    """The open platform was bound after the friendship began (POOL-9)."""
    one = enter(pool, "unionid=un1", userid="LiNa")
    pool.befriend("wmOne", "LiNa")
    pool.clock.advance(timedelta(seconds=5).total_seconds())
    pool.befriend("wmOne", "LiNa", unionid="un1")
    keep_pool(pool.runtime)
    assert pool.get(f"/customers/{one}")["contacts"][0]["external_userid"] == "wmOne"
    assert stands(pool, one) == ("added", "LiNa")


def test_a_phone_in_the_remark_joins_whom_this_associate_was_to_add(pool: Shop):
    """Written in any way; identities and fields become the contact's, the audit says so (POOL-9)."""
    one = enter(pool, "phone=13800138000", userid="LiNa", fields={"real_name": "王小明"})
    pool.befriend("wmOne", "LiNa", notes=phones("+86 138-0013-8000"))
    assert stands(pool, one) == ("assigned", "LiNa")
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("added", "LiNa")
    customer = pool.get(f"/customers/{one}")
    assert (customer["fields"]["real_name"], customer["contacts"][0]["external_userid"]) == ("王小明", "wmOne")
    assert [fact["how"] for fact in facts(pool, "pool_added")] == ["phone"]
    assert pool.rows("select actor from audit where action = 'customer.merged'") == [("system",)]
    assert keep_pool(pool.runtime) <= 1  # what is told comes later; nothing is joined twice


def test_a_phone_is_looked_up_whenever_the_relation_changes(pool: Shop):
    """So is one that was there before its owner entered the pool, at the next change of the relation (POOL-9)."""
    pool.befriend("wmOne", "LiNa", notes=phones("13800138000"))
    one = enter(pool, "phone=13800138000", userid="LiNa")
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("assigned", "LiNa")
    pool.clock.advance(timedelta(seconds=5).total_seconds())
    pool.befriend("wmOne", "LiNa", notes=phones("13900139000", "13800138000"))
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("added", "LiNa")


def test_a_phone_that_somebody_else_was_to_add_waits_for_a_person(pool: Shop):
    """Nothing is guessed; a person says who it is, or that it is nobody, once (POOL-9, CUS-12)."""
    one = enter(pool, "phone=13800138000", userid="WangFang")
    two = enter(pool, "crm=C-2", "shop:tmall=b-2")
    assert pool.ask("PUT", f"/customers/{two}/identities/phone/13800138000", {}).status_code == 200
    pool.befriend("wmOne", "LiNa", notes=phones("13800138000"))
    keep_pool(pool.runtime)
    (match,) = pool.get("/pool/matches")["matches"]
    assert (match["external_userid"], match["userid"], match["how"]) == ("wmOne", "LiNa", "phone")
    assert match["customer_ids"] == [one, two]
    assert stands(pool, one) == ("assigned", "WangFang")
    where = f"/pool/matches/{match['id']}"
    assert pool.ask("PUT", where, {"customer_id": 10**6}).status_code == 409
    joined = pool.ask("PUT", where, {"customer_id": two})
    assert joined.json["merged_ids"] == [two]
    assert stands(pool, two) == ("added", "LiNa") and stands(pool, one) == ("assigned", "WangFang")
    assert (
        pool.get("/pool/matches")["matches"] == [] and pool.ask("PUT", where, {"customer_id": one}).status_code == 404
    )
    assert len(facts(pool, "pool_match_unclear")) == 1


def test_a_match_that_a_person_dismissed_does_not_come_again(pool: Shop):
    """Also when the relation is written anew (POOL-9)."""
    enter(pool, "phone=13800138000")
    pool.befriend("wmOne", "LiNa", notes=phones("13800138000"))
    (match,) = pool.get("/pool/matches")["matches"]
    assert pool.ask("PUT", f"/pool/matches/{match['id']}", {"customer_id": None}).json["customer_id"] is None
    for numbers in ((), ("13800138000",)):
        pool.clock.advance(timedelta(seconds=5).total_seconds())
        pool.befriend("wmOne", "LiNa", notes=phones(*numbers))
    assert pool.get("/pool/matches")["matches"] == []


def test_a_contradiction_is_left_to_a_person(pool: Shop):
    """Two different unionids are two persons, whatever a phone says (POOL-9, CUS-9)."""
    one = enter(pool, "phone=13800138000", "unionid=un1", userid="LiNa")
    pool.befriend("wmOne", "LiNa", unionid="un2", notes=phones("13800138000"))
    keep_pool(pool.runtime)
    (match,) = pool.get("/pool/matches")["matches"]
    assert match["problem"] == "contradiction" and stands(pool, one) == ("assigned", "LiNa")
    answer = pool.ask("PUT", f"/pool/matches/{match['id']}", {"customer_id": one})
    assert (answer.status_code, answer.json["type"]) == (409, "urn:guanxi:problem:contradiction")


def test_the_state_of_a_contact_way_that_was_made_for_somebody_tells_who_they_are(pool: Shop):
    """Whoever adds an associate through it, whichever associate that is (POOL-9)."""
    one = enter(pool, "crm=C-1")
    state = pool.ask("PUT", f"/pool/customers/{one}/contact-state", {}).json["state"]
    assert len(state) <= 30
    pool.befriend("wmOne", "WangFang", notes=phones(state=state))
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("added", "WangFang")


def test_records_of_leavers_come_back_by_themselves(pool: Shop):
    """Who left at once; who lost the function after a day, since a scope may be cut by mistake (POOL-10)."""
    one = enter(pool, "crm=C-1", userid="LiNa")
    two = enter(pool, "crm=C-2", userid="WangFang")
    execute(pool, "update associate set gone_at = '2026-11-22Z', has_contact = false where userid = 'LiNa'")
    execute(pool, "update associate set has_contact = false where userid = 'WangFang'")
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("unassigned", None) and stands(pool, two) == ("assigned", "WangFang")
    pool.clock.advance(timedelta(hours=25).total_seconds())
    keep_pool(pool.runtime)
    assert stands(pool, two) == ("unassigned", None)
    assert [fact["why"] for fact in facts(pool, "pool_returned")] == ["departed", "departed"]


def test_who_has_the_function_again_in_time_keeps_what_was_theirs(pool: Shop):
    """A scope that was cut and put right costs nobody anything (POOL-10)."""
    one = enter(pool, "crm=C-1", userid="LiNa")
    execute(pool, "update associate set has_contact = false where userid = 'LiNa'")
    keep_pool(pool.runtime)
    execute(pool, "update associate set has_contact = true where userid = 'LiNa'")
    pool.clock.advance(timedelta(hours=25).total_seconds())
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("assigned", "LiNa")
    assert pool.rows("select * from pool_leaver") == []


def execute(shop: Shop, sql: str) -> None:
    shop.rows(f"{sql} returning userid")


def rule(shop: Shop, kind: str = "assign", **body: Any) -> int:
    answer = shop.ask("POST", f"/pool/{kind}-rules", {"name": "r", **body})
    assert answer.status_code == 201, answer.text
    return int(answer.json["id"])


def test_a_rule_assigns_without_an_operator_and_the_record_names_it(pool: Shop):
    """Who entered before as well; by turns, in the hours of the rule; the associates are told (POOL-7, POOL-12)."""
    waited = enter(pool, "crm=C-0", source="shop:tmall")
    number = rule(
        pool, conditions={"sources": ["shop:tmall"], "from_hour": 9, "to_hour": 18}, action={"department_ids": [1]}
    )
    keep_pool(pool.runtime)
    ids = [waited, *(enter(pool, f"crm=C-{n}", source="shop:tmall") for n in (1, 2))]
    other = enter(pool, "crm=C-9")
    keep_pool(pool.runtime)
    assert [stands(pool, one)[1] for one in ids] == ["LiNa", "WangFang", "LiNa"]
    assert stands(pool, other) == ("unassigned", None)
    assert pool.get(f"/pool/customers/{waited}")["rule_id"] == number
    pool.clock.advance(timedelta(hours=12).total_seconds())
    late = enter(pool, "crm=C-3", source="shop:tmall")
    keep_pool(pool.runtime)
    assert stands(pool, late) == ("unassigned", None)
    pool.clock.advance(timedelta(hours=12).total_seconds())
    keep_pool(pool.runtime)
    assert stands(pool, late) == ("assigned", "WangFang")
    told = pool.rows("select notice, recipient from outbox order by id")
    assert told == [("pool_given", "LiNa"), ("pool_given", "WangFang")]


def test_a_rule_gives_to_the_outlet_that_the_record_names_and_to_whom_has_least(pool: Shop):
    """Members of that department; whoever has the fewest to add is next (POOL-12)."""
    pool.add_associates("Far", department_id=2)
    enter(pool, "crm=C-0", userid="LiNa")
    rule(pool, action={"own_outlet": True, "least_loaded": True})
    near, far = enter(pool, "crm=C-1", department_id=1), enter(pool, "crm=C-2", department_id=2)
    nowhere = enter(pool, "crm=C-3")
    keep_pool(pool.runtime)
    assert [stands(pool, one)[1] for one in (near, far, nowhere)] == ["WangFang", "Far", None]
    assert pool.rows("select count(*) from pool_due") == [(1,)]  # looked at again: somebody may join that outlet


def test_the_neglected_go_back_after_the_rules_days_and_those_in_touch_do_not(pool: Shop):
    """By the clock; the rule that did it is in the history (POOL-13)."""
    one, two = enter(pool, "crm=C-1", userid="LiNa"), enter(pool, "crm=C-2", userid="LiNa")
    number = rule(pool, "return", days=7)
    pool.clock.advance(timedelta(days=6, hours=23).total_seconds())
    keep_pool(pool.runtime)
    pool.ask("PUT", f"/pool/customers/{two}/contacted", {"userid": "LiNa"})
    assert stands(pool, one) == ("assigned", "LiNa")
    pool.clock.advance(timedelta(hours=2).total_seconds())
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("unassigned", None) and stands(pool, two) == ("assigned", "LiNa")
    last = pool.get(f"/pool/customers/{one}/changes")["changes"][-1]
    assert (last["why"], last["rule_id"], last["from_userid"]) == ("neglected", number, "LiNa")


def test_a_deleted_rule_does_nothing_any_more(pool: Shop):
    """What it did stays (POOL-12)."""
    number = rule(pool, action={"userids": ["LiNa"]})
    assert pool.ask("DELETE", f"/pool/rules/{number}").json == {"rules": []}
    one = enter(pool, "crm=C-1")
    keep_pool(pool.runtime)
    assert stands(pool, one) == ("unassigned", None)
